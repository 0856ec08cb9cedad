import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import {
  type Address,
  checkSpiffe,
  type Logger,
  serverSpan,
  spiffeId,
  splitAddress,
  telemetryEnabled,
  type TlsIdentity,
} from '@keystead/service';
import { type Exchange, sourceIp, tlsDetails } from '../http/exchange.js';
import { sendS3Error } from './errors.js';

/** Hands requests on to the gateway, which verifies their signatures itself. */
export interface S3Forwarder {
  /** `expect`: the client waits for 100 Continue; it is told when the gateway says so. */
  forward(exchange: Exchange, expect: boolean): void;
  close(): void;
}

export interface S3ForwarderOptions {
  readonly address: Address;
  readonly tls: TlsIdentity;
  readonly log: Logger;
}

/** Idle connections to the gateway are closed before the gateway does it. */
const idleMs = 4_000;
/** Slow transfers keep theirs for long, so there are many; clients above it wait for one. */
const maxSockets = 4_096;

export function s3Forwarder({ address, tls, log }: S3ForwarderOptions): S3Forwarder {
  const { host, port } = splitAddress(address);
  const checkServerIdentity = checkSpiffe(spiffeId(tls.trustDomain, { kind: 'service', name: 'object-store-gateway' }));
  const agents = { current: newAgent(tls) };
  const stop = tls.onChange(() => {
    // Requests in flight keep their connections; new ones are made with the new certificate.
    agents.current = newAgent(tls);
  });
  const open = (exchange: Exchange, traceParent: string): ClientRequest => {
    const { method, url: path } = exchange.request;
    const headers = forwardedHeaders(exchange, traceParent);
    const where = { host, port, method, path, agent: agents.current, checkServerIdentity };
    return httpsRequest({ ...where, headers } as RequestOptions);
  };
  return {
    forward: (exchange, expect) => {
      const traceParent = traced(exchange);
      forward(exchange, expect, (same) => open(same, traceParent), log);
    },
    close: () => {
      stop();
      agents.current.destroy();
    },
  };
}

function newAgent(tls: TlsIdentity): Agent {
  const { context: secureContext } = tls.current;
  return new Agent({ keepAlive: true, timeout: idleMs, maxSockets, secureContext, minVersion: 'TLSv1.3' });
}

/** Starts the span of a request, which ends with its answer; gives what the gateway's hangs under, empty without telemetry. */
function traced({ head, response }: Exchange): string {
  if (!telemetryEnabled()) return '';
  const span = serverSpan('S3', head.headers.get('traceparent') ?? '');
  response.once('close', () => {
    const { statusCode } = response;
    span.describe({ 'http.response.status_code': statusCode });
    span.end(statusCode >= 500 ? String(statusCode) : undefined);
  });
  return span.traceParent;
}

type Open = (exchange: Exchange) => ClientRequest;

function forward(exchange: Exchange, expect: boolean, open: Open, log: Logger): void {
  const { request, response } = exchange;
  const upstream = opened(exchange, open);
  if (!upstream) return sendS3Error(exchange, 400, 'BadRequest', 'The request could not be read.');
  if (expect) upstream.on('continue', () => response.writeContinue());
  upstream.on('response', (answer) => passOn(exchange, answer));
  upstream.on('error', (error) => failed(exchange, expect, open, log, upstream, error));
  response.on('close', () => {
    if (!response.writableFinished) upstream.destroy();
  });
  if (hasBody(request)) request.pipe(upstream);
  else upstream.end();
}

/** Undefined for a head that node reads but refuses to write, for example with a Trailer where no chunks are announced. */
function opened(exchange: Exchange, open: Open): ClientRequest | undefined {
  try {
    return open(exchange);
  } catch {
    return undefined;
  }
}

function passOn({ request, response }: Exchange, answer: IncomingMessage): void {
  const { statusCode = 502, statusMessage = '' } = answer;
  const headers = withoutHop(answer.rawHeaders);
  // What the client still sends would be taken for its next request.
  if (!request.complete) headers.push('Connection', 'close');
  response.writeHead(statusCode, statusMessage, headers);
  answer.pipe(response);
  answer.on('error', () => response.destroy());
  answer.on('close', () => {
    if (!answer.complete) response.destroy();
  });
}

function failed(
  exchange: Exchange,
  expect: boolean,
  open: Open,
  log: Logger,
  upstream: ClientRequest,
  error: Error,
): void {
  const { request, response, id } = exchange;
  if (response.headersSent || response.destroyed) {
    // After an early answer the gateway may close while the client still sends.
    if (!response.writableFinished && !response.headersSent) response.destroy();
    request.unpipe(upstream).resume();
    return;
  }
  // A kept connection may close under us: what has no body can be sent again.
  if (upstream.reusedSocket && !hasBody(request)) return forward(exchange, expect, open, log);
  log.warn({ err: error, requestId: id }, 'the object store gateway does not answer');
  request.unpipe(upstream);
  sendS3Error(exchange, 503, 'ServiceUnavailable', 'Service is unable to handle request.');
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

const hop: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'upgrade']);

function withoutHop(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] as string;
    if (!hop.has(name.toLowerCase())) kept.push(name, raw[at + 1] as string);
  }
  return kept;
}

/** The client's headers as they came, without those that only we may set. */
function forwardedHeaders(exchange: Exchange, traceParent: string): string[] {
  const headers: string[] = [];
  const raw = withoutHop(exchange.request.rawHeaders);
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] as string;
    if (!/^x-keystead-/i.test(name)) headers.push(name, raw[at + 1] as string);
  }
  // Else node would announce a chunked body for a method that may have one.
  if (!hasBody(exchange.request) && exchange.request.headers['content-length'] === undefined)
    headers.push('Content-Length', '0');
  const tls = tlsDetails(exchange);
  headers.push('x-keystead-forwarded-for', sourceIp(exchange.request));
  headers.push('x-keystead-forwarded-proto', tls ? 'https' : 'http');
  headers.push('x-keystead-request-id', exchange.id);
  // Not in place of the client's own: that may be signed.
  if (traceParent !== '') headers.push('x-keystead-traceparent', traceParent);
  if (tls) headers.push('x-keystead-forwarded-tls', `${tls.version} ${tls.cipherSuite}`);
  return headers;
}
