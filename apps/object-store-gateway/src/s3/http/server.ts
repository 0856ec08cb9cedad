import { randomUUID } from 'node:crypto';
import http from 'node:http';
import type { IncomingMessage, ServerOptions, ServerResponse } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { hostOf, listening, onlyUri, parseSpiffeId } from '@keystead/service';
import type { Address, TlsIdentity } from '@keystead/service';
import { readHeaders, readTarget } from '@keystead/sigv4';
import { S3Error } from '../../domain/s3-error.js';
import type { S3Code } from '../../domain/s3-error.js';
import { failureOf, failureXml } from './failure.js';
import { type Meter, UNKNOWN_OPERATION } from './meter.js';
import type { Refusals } from './refusals.js';
import type { Arrival, RequestHead } from './request.js';
import { sendFailure } from './send.js';
import { readPlace, readQuery } from './target.js';

/** Takes a request whose head could be read. */
export type Serve = (head: RequestHead) => Promise<void>;

/** A listener. */
export interface S3Server {
  /** host:port as bound. */
  readonly address: Address;
  /** Lets requests under way end, then closes; at most `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/**
 * Node's defaults cut slow uploads after 300 s and close idle connections after 5 s, just when an SDK's pool uses them
 * again. A client must finish its head soon; its body may take as long as it moves.
 */
const LIMITS: ServerOptions = {
  requestTimeout: 0,
  headersTimeout: 30_000,
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 80 * 1024,
  noDelay: true,
  // A block of chunks is handed to the socket whole: waiting for room pays only beyond it.
  highWaterMark: 2 * 1024 * 1024,
};
const SILENCE_MS = 120_000;
/** Open connections at most, as at edge; more are closed at once, so that those that are open go on. */
const MOST_CONNECTIONS = 10_000;

/** What takes requests, whichever way they come. */
export interface Intake {
  /** Base names of virtual-host style. */
  readonly domains: readonly string[];
  readonly serve: Serve;
  /** Count those that could not be read. */
  readonly refusals: Refusals;
  readonly meter: Meter;
}

/** Serves clients over plain HTTP; whatever they say about where they come from is not believed. */
export async function publicServer(listen: Address, intake: Intake): Promise<S3Server> {
  const server = http.createServer(LIMITS);
  const arrival = ({ socket }: IncomingMessage): Arrival => ({
    requestId: randomUUID(),
    sourceIp: hostOf(`${socket.remoteAddress ?? ''}:0`),
    tlsVersion: '',
    cipherSuite: '',
    traceParent: '',
  });
  return start(server, listen, arrival, intake);
}

/** Serves requests that edge forwards, over mTLS: only edge's certificate is let in, and only here it is believed. */
export async function internalServer(listen: Address, tls: TlsIdentity, intake: Intake): Promise<S3Server> {
  const { ca, cert, key } = tls.current;
  const options = { ca, cert, key, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' } as const;
  const server = https.createServer({ ...LIMITS, ...options });
  const unwatch = tls.onChange((next) => {
    server.setSecureContext({ ca: next.ca, cert: next.cert, key: next.key, minVersion: 'TLSv1.3' });
  });
  server.on('secureConnection', (socket) => {
    const uri = onlyUri(socket.getPeerCertificate().subjectaltname) ?? '';
    const peer = parseSpiffeId(uri, tls.trustDomain);
    if (peer?.kind !== 'service' || peer.name !== 'edge') socket.destroy();
  });
  const running = await start(server, listen, forwarded, intake);
  return {
    address: running.address,
    close: async (graceMs) => {
      unwatch();
      await running.close(graceMs);
    },
  };
}

function forwarded({ headers }: IncomingMessage): Arrival {
  const text = (name: string): string => {
    const value = headers[`x-keystead-${name}`];
    return typeof value === 'string' ? value : '';
  };
  const [version = '', cipherSuite = ''] = text('forwarded-tls').split(' ');
  const secure = text('forwarded-proto') === 'https';
  return {
    requestId: text('request-id') || randomUUID(),
    sourceIp: text('forwarded-for'),
    tlsVersion: secure ? version || 'TLS' : '',
    cipherSuite: secure ? cipherSuite : '',
    traceParent: text('traceparent'),
  };
}

async function start(
  server: http.Server,
  listen: Address,
  arrivalOf: (incoming: IncomingMessage) => Arrival,
  { domains, serve, refusals, meter }: Intake,
): Promise<S3Server> {
  const take = (expectsContinue: boolean) => (incoming: IncomingMessage, response: ServerResponse) => {
    const arrival = arrivalOf(incoming);
    let head: RequestHead;
    try {
      head = readHead(incoming, response, arrival, domains, expectsContinue);
    } catch (error) {
      const failure = failureOf(error);
      refusals.count(arrival.sourceIp, failure.code);
      sendFailure(response, incoming, failure, arrival.requestId);
      meter.done(incoming.socket, UNKNOWN_OPERATION, failure.code, 0);
      return;
    }
    void serve(head);
  };
  server.on('request', take(false)).on('checkContinue', take(true));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // Of edge's connection only edge knows who is behind it.
    const code = refuseSocket(error, socket);
    if (code === undefined) return;
    refusals.count(hostOf(`${socket.remoteAddress ?? ''}:0`), code);
    meter.done(socket, UNKNOWN_OPERATION, code, 0);
  });
  server.setTimeout(SILENCE_MS);
  server.maxConnections = MOST_CONNECTIONS;
  const address = await listening(server, listen);
  return { address, close: (graceMs) => close(server, graceMs) };
}

/** What Node's parser could not read has no request to answer to. Gives the code of the answer, if one was possible. */
function refuseSocket(error: NodeJS.ErrnoException, socket: Socket): string | undefined {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  const failure = new S3Error(UNREADABLE[error.code ?? ''] ?? 'BadRequest');
  const body = failureXml(failure, '', '');
  const head = 'content-type: application/xml\r\nconnection: close\r\n';
  const length = Buffer.byteLength(body);
  socket.end(`HTTP/1.1 ${failure.status} Bad Request\r\n${head}content-length: ${length}\r\n\r\n${body}`);
  return failure.code;
}

const UNREADABLE: Readonly<Record<string, S3Code>> = {
  HPE_HEADER_OVERFLOW: 'RequestHeaderSectionTooLarge',
  ERR_HTTP_REQUEST_TIMEOUT: 'RequestTimeout',
};

function readHead(
  incoming: IncomingMessage,
  response: ServerResponse,
  arrival: Arrival,
  domains: readonly string[],
  expectsContinue: boolean,
): RequestHead {
  const target = readTarget(incoming.url ?? '/');
  const headers = readHeaders(incoming.rawHeaders);
  const { bucket, key } = readPlace(headers.get('host'), target.path, domains);
  const method = incoming.method ?? 'GET';
  return {
    arrival,
    method,
    target,
    headers,
    query: readQuery(target),
    bucket,
    key,
    incoming,
    response,
    expectsContinue,
  };
}

async function close(server: http.Server, graceMs: number): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((closed) => {
    server.close(() => closed());
    server.closeIdleConnections();
  });
  clearTimeout(timer);
}
