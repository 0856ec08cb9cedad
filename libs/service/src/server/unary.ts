import { randomUUID } from 'node:crypto';
import { type handleUnaryCall, type Metadata, type ServerUnaryCall } from '@grpc/grpc-js';
import { asKeysteadError } from '@keystead/errors';
import { grpcError } from '../errors.js';
import { touched } from '../forget.js';
import type { Peer } from '../identity/spiffe.js';
import { serverSpan } from '../telemetry.js';
import { peerOf, serverOf } from './callState.js';
import { hostOf } from './host.js';

/** What a unary handler knows beside its request. */
export interface UnaryCall {
  readonly peer: Peer;
  /** Aborted when the caller cancels, goes away, or its deadline passes. */
  readonly signal: AbortSignal;
  /** W3C traceparent as sent, or empty. */
  readonly traceParent: string;
  /** A fresh UUID, or the one that a service sent as x-keystead-request-id. */
  readonly requestId: string;
  /** The caller's address without a port. */
  readonly sourceIp: string;
  /** The caller's user-agent metadata. */
  readonly userAgent: string;
}

/** What is known of a unary RPC beforehand. */
export interface UnaryOptions {
  /**
   * False when neither request nor answer ever holds a key or a plaintext. What is asked every second must say so, or
   * the process never falls quiet and collects what others left behind.
   */
  readonly secrets?: boolean;
}

/**
 * A unary RPC handler. A KeysteadError becomes its gRPC status with code and details in a trailer; anything else
 * becomes Internal with an id, and its cause goes to the log only.
 */
export function unary<Request, Response>(
  handler: (request: Request, call: UnaryCall) => Promise<Response>,
  { secrets = true }: UnaryOptions = {},
): handleUnaryCall<Request, Response> {
  return (call, answer) => {
    if (secrets) touched();
    const span = serverSpan(call.getPath(), text(call.metadata, 'traceparent'));
    const info = unaryCall(call);
    span
      .run(async () => handler(call.request, info))
      .then(
        (response) => {
          if (secrets) touched();
          span.end();
          answer(null, response);
        },
        (thrown: unknown) => {
          const error = asKeysteadError(thrown);
          span.end(error.code);
          logFailure(call, info.requestId, thrown);
          answer(grpcError(error));
        },
      );
  };
}

function unaryCall(call: ServerUnaryCall<unknown, unknown>): UnaryCall {
  const abort = new AbortController();
  call.on('cancelled', () => abort.abort());
  const peer = peerOf(call);
  const sent = text(call.metadata, 'x-keystead-request-id');
  return {
    peer,
    signal: abort.signal,
    traceParent: text(call.metadata, 'traceparent'),
    requestId: peer.kind === 'service' && sent !== '' ? sent : randomUUID(),
    sourceIp: hostOf(call.getPeer()),
    userAgent: text(call.metadata, 'user-agent'),
  };
}

function logFailure(call: ServerUnaryCall<unknown, unknown>, requestId: string, thrown: unknown): void {
  const error = asKeysteadError(thrown);
  if (error.code !== 'Internal') return;
  serverOf(call).log.error(
    { err: error.cause ?? error, requestId, errorId: error.details['error-id'], rpc: call.getPath() },
    'call failed',
  );
}

function text(metadata: Metadata, key: string): string {
  const [value] = metadata.get(key);
  return typeof value === 'string' ? value : '';
}
