import type { ServerUnaryCall } from '@grpc/grpc-js';
import { KeysteadError } from '@keystead/errors';
import type { Logger } from '../logger.js';
import { onlyUri, parseSpiffeId, type Peer } from '../identity/spiffe.js';
import type { Metrics } from '../metrics.js';
import { signerOf } from './signed.js';

/** What a handler may know of the server that it runs in. */
export interface ServerState {
  readonly name: string;
  readonly trustDomain: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Aborted when the server begins to close. */
  readonly closing: AbortSignal;
}

/** Any incoming gRPC call, unary or stream. */
export type IncomingCall = Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext' | 'getPeer' | 'metadata'>;

const states = new WeakMap<object, { server: ServerState; peer: Peer }>();

/** Ties a call to its server. Where no signature was proven, throws AccessDenied when the certificate does not have exactly one name of our trust domain. */
export function admit(call: IncomingCall, server: ServerState): void {
  const signer = signerOf(call.metadata);
  if (signer) return void states.set(call, { server, peer: signer });
  const certificate = call.getAuthContext().sslPeerCertificate;
  const uri = onlyUri(certificate?.subjectaltname);
  const peer = uri === undefined ? undefined : parseSpiffeId(uri, server.trustDomain);
  if (!peer)
    throw new KeysteadError('AccessDenied', 'The client certificate does not name a member of this trust domain.');
  states.set(call, { server, peer });
}

/** Who calls, by certificate. Only for calls of a server made by `serve`. */
export function peerOf(call: IncomingCall): Peer {
  return stateOf(call).peer;
}

export function serverOf(call: IncomingCall): ServerState {
  return stateOf(call).server;
}

function stateOf(call: IncomingCall): { server: ServerState; peer: Peer } {
  const state = states.get(call);
  if (!state) throw new KeysteadError('Internal', 'A call arrived outside of serve().');
  return state;
}
