import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { TlsDetails } from '@keystead/proto/common';
import { type RawRequest, readHeaders, readTarget } from '@keystead/sigv4';

/** One request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** UUID: shown to the client, and the requestID of the log. */
  readonly id: string;
  /** The head, parsed once for routing, signature and context. */
  readonly head: RawRequest;
  /** Set when the signature is proven: until then a failure is only counted for the operator. */
  authenticated: boolean;
}

/** Throws AuthError('HeadersTooLarge'). */
export function readHead(request: IncomingMessage): RawRequest {
  const { method = 'GET', url = '/' } = request;
  return { method, target: readTarget(url), headers: readHeaders(request.rawHeaders) };
}

/** The client's address; IPv4 in its own form. */
export function sourceIp({ socket }: IncomingMessage): string {
  const address = socket.remoteAddress ?? '';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

const sockets = new WeakMap<object, { version: string; cipherSuite: string }>();

/** What TLS the client's connection has; undefined without TLS. */
export function tlsDetails({ request, head }: Pick<Exchange, 'request' | 'head'>): TlsDetails | undefined {
  const { socket } = request;
  if (!(socket instanceof TLSSocket)) return undefined;
  let known = sockets.get(socket);
  if (!known) sockets.set(socket, (known = connectionTls(socket)));
  return { ...known, clientProvidedHostHeader: head.headers.get('host') ?? '' };
}

function connectionTls(socket: TLSSocket): { version: string; cipherSuite: string } {
  return { version: socket.getProtocol() ?? '', cipherSuite: socket.getCipher().standardName };
}
