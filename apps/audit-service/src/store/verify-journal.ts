import { type Verdict, verify } from '../domain/verify.js';
import type { Queryable } from './queryable.js';
import { allLeaves, readHead, strayLeaves } from './tree.js';

/** Recomputes the tree as it stands now; records that are appended meanwhile are left out. */
export async function verifyJournal(db: Queryable): Promise<Verdict> {
  const head = await readHead(db);
  const verdict = await verify(head, allLeaves(db, head.size));
  const stray = await strayLeaves(db);
  if (stray > 0) verdict.findings.push(`${String(stray)} leaves lie beyond the tree`);
  return verdict;
}
