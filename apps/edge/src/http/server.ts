import { createServer, type RequestListener, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { EndpointCertificate } from './endpoint-certificate.js';
import type { Handler } from './handler.js';

const options: ServerOptions = {
  /** Session tokens and policies travel in headers and presigned targets. */
  maxHeaderSize: 64 * 1024,
  /** Against clients that send a head byte by byte. */
  headersTimeout: 20_000,
  /** A 5 GiB part on a slow line; bodies of the other services have 20 s of their own. */
  requestTimeout: 3_600_000,
  /** Longer than the pools of AWS's clients keep an idle connection, so that it is theirs to close. */
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 5_000,
};

/** A connection on which nothing moves for this long is closed, in milliseconds. */
const idleTimeout = 300_000;

/**
 * Open connections at most; more are closed at once, so that those that are open go on. Each costs about 20 KiB, and a
 * file descriptor: containers have 65,536 of them or more.
 */
const maxConnections = 10_000;

/** The one port: HTTP, or HTTPS with the configured certificate. */
export function edgeServer(tls: EndpointCertificate | undefined, handle: Handler): Server {
  const listener: RequestListener = (request, response) => handle(request, response, false);
  const server = tls
    ? createTlsServer({ ...options, ...tls, minVersion: 'TLSv1.2' }, listener)
    : createServer(options, listener);
  server.on('checkContinue', (request, response: ServerResponse) => handle(request, response, true));
  server.on('clientError', refuseSocket);
  server.setTimeout(idleTimeout);
  server.maxConnections = maxConnections;
  return server;
}

/** What the HTTP parser could not read has no request to answer to. */
function refuseSocket(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const [status, code] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['400 Bad Request', 'RequestHeaderSectionTooLarge']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['400 Bad Request', 'RequestTimeout']
        : ['400 Bad Request', 'BadRequest'];
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>The request could not be read.</Message></Error>`;
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/xml\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  socket.end(head + body);
}
