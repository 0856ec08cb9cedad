import { KeysteadError } from '@keystead/errors';
import type { AuditAdminServiceServer } from '@keystead/proto/audit';
import { type Peer, unary } from '@keystead/service';
import { search } from '../domain/search.js';
import type { Reader } from '../domain/page.js';
import type { Verdict } from '../domain/verify.js';
import { eventMessage } from './event.js';

export interface AdminOptions {
  readonly reader: Reader;
  /** Recomputes the tree as it stands. */
  readonly verify: () => Promise<Verdict>;
}

/** For operators' certificates only. */
export function adminService({ reader, verify }: AdminOptions): AuditAdminServiceServer {
  return {
    search: unary(async (request, { peer }) => {
      onlyOperators(peer);
      const { events, nextToken } = await search(reader, request);
      return { events: events.map(eventMessage), nextToken };
    }),
    verify: unary(async (_request, { peer }) => {
      onlyOperators(peer);
      const { size, root, findings } = await verify();
      return { size: BigInt(size), root, consistent: findings.length === 0, findings };
    }),
  };
}

function onlyOperators(peer: Peer): void {
  if (peer.kind !== 'operator') throw new KeysteadError('AccessDenied', 'Only operators may do this.');
}
