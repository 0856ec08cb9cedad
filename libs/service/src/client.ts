import {
  Metadata,
  type CallCredentials,
  type CallOptions,
  type ChannelOptions,
  type ClientUnaryCall,
  type ServiceError,
} from '@grpc/grpc-js';
import { KeysteadError } from '@keystead/errors';
import { fromGrpcError } from './errors.js';
import { currentTraceParent } from './telemetry.js';

/** For every gRPC channel between services: a restarted service is reached again within a fraction of a second. */
export const channelOptions: ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 200,
  'grpc.dns_min_time_between_resolutions_ms': 1_000,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.enable_channelz': 0,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
};

/** A unary method of a generated client, bound: `invoke((…a) => client.getStatus(…a), request)`. */
export type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: CallOptions,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

export interface InvokeOptions {
  /** Default 10,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Sent on, so that both logs show the same id. */
  readonly requestId?: string;
  /** Adds to the metadata what proves the caller. */
  readonly credentials?: CallCredentials | undefined;
}

/** Calls a unary RPC; rejects with the KeysteadError that the service threw, and with Unavailable at once when nothing listens. */
export function invoke<Request, Response>(
  method: UnaryMethod<Request, Response>,
  request: Request,
  { timeoutMs = 10_000, signal, requestId, credentials }: InvokeOptions = {},
): Promise<Response> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new KeysteadError('Cancelled', 'The call was cancelled.'));
    const options = { deadline: Date.now() + timeoutMs, ...(credentials && { credentials }) };
    const call = method(request, metadataFor(requestId), options, (error, response) => {
      signal?.removeEventListener('abort', cancel);
      if (error) reject(fromGrpcError(error));
      else resolve(response);
    });
    const cancel = (): void => call.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

function metadataFor(requestId: string | undefined): Metadata {
  const metadata = new Metadata();
  const traceParent = currentTraceParent();
  if (traceParent !== '') metadata.set('traceparent', traceParent);
  if (requestId !== undefined) metadata.set('x-keystead-request-id', requestId);
  return metadata;
}
