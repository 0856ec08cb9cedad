import { KeysteadError } from '@keystead/errors';
import type { AuditAdminServiceServer, VerifyResponse } from '@keystead/proto/audit';
import { type Peer, unary } from '@keystead/service';
import { search } from '../domain/search.js';
import type { Reader } from '../domain/page.js';
import { verify } from '../domain/verify.js';
import type { Queryable } from '../store/queryable.js';
import { allLeaves, readHead, strayLeaves } from '../store/tree.js';
import { eventMessage } from './event.js';

/** For operators' certificates only. */
export function adminService({ reader, db }: { reader: Reader; db: Queryable }): AuditAdminServiceServer {
  return {
    search: unary(async (request, { peer }) => {
      onlyOperators(peer);
      const { events, nextToken } = await search(reader, request);
      return { events: events.map(eventMessage), nextToken };
    }),
    verify: unary(async (_request, { peer }) => {
      onlyOperators(peer);
      return verifyJournal(db);
    }),
  };
}

function onlyOperators(peer: Peer): void {
  if (peer.kind !== 'operator') throw new KeysteadError('AccessDenied', 'Only operators may do this.');
}

/** Recomputes the tree as it stands now; records that are appended meanwhile are left out. */
export async function verifyJournal(db: Queryable): Promise<VerifyResponse> {
  const head = await readHead(db);
  const { size, root, findings } = await verify(head, allLeaves(db, head.size));
  const stray = await strayLeaves(db);
  if (stray > 0) findings.push(`${String(stray)} leaves lie beyond the tree`);
  return { size: BigInt(size), root, consistent: findings.length === 0, findings };
}
