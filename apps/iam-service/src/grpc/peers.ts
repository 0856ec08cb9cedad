import { KeysteadError } from '@keystead/errors';
import type { Peer } from '@keystead/service';

/** Refuses every peer but the services named, compared exactly. */
export function only(peer: Peer, ...services: string[]): void {
  if (peer.kind === 'service' && services.includes(peer.name)) return;
  throw new KeysteadError('AccessDenied', 'This certificate may not use this method.');
}
