import { createServer } from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Address } from '../config.js';
import { listening } from './ops.js';

/** A listener for callers of whom nothing is known when they connect. */
export interface StrangersListener {
  /** host:port as bound. */
  readonly address: Address;
  /** Takes no more connections; those that are open are the server's. */
  close(): void;
}

/**
 * Listens for `server`, which by itself takes any number of connections: each costs memory before its first call is proven.
 * Beyond `mostConnections` a new one is closed at once, so that those that are open go on.
 */
export async function listenForStrangers(
  server: Server,
  listen: Address,
  credentials: ServerCredentials,
  mostConnections: number,
): Promise<StrangersListener> {
  const injector = server.createConnectionInjector(credentials);
  // As Node.js listens for HTTP/2.
  const listener = createServer({ allowHalfOpen: true }, (socket) => injector.injectConnection(socket));
  listener.maxConnections = mostConnections;
  return { address: await listening(listener, listen), close: () => listener.close() };
}
