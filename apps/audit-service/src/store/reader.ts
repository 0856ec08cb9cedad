import type { StoredLeaf } from '../domain/event.js';
import type { PostingRow, Reader } from '../domain/page.js';
import { decodeOffsets } from '../domain/postings.js';
import { type Queryable, rows } from './queryable.js';

/** Look-ups in PostgreSQL; each function is one query. */
export function reader(db: Queryable): Reader {
  return {
    postings: (terms, from, to, before, limit) => postings(db, terms, [from, to, before.at, before.index, limit]),
    leaves: (indexes) => leaves(db, 'idx = any($1::bigint[])', [`{${indexes.join(',')}}`], 'audit_leaves'),
    newestLeaves: (below, limit) => leaves(db, 'idx < $1 order by idx desc limit $2', [below, limit], 'audit_newest'),
    byEventId: async (id) => (await leaves(db, 'event_id = $1', [id], 'audit_by_event_id'))[0],
    floor: () => floor(db),
  };
}

interface PostingColumns {
  readonly at: string;
  readonly batch: string;
  readonly members: Buffer;
}

// One ordered index scan for each term; "= any" over terms would read and sort all of them.
const oneTerm = (parameter: number): string => `(
    select at, batch, members from audit_posting
    where term = $${String(parameter)} and at between $1 and $2 and (at < $3 or (at = $3 and batch < $4))
    order by at desc, batch desc limit $5)`;

async function postings(db: Queryable, terms: readonly bigint[], range: readonly number[]): Promise<PostingRow[]> {
  const union = terms.map((_, n) => oneTerm(6 + n)).join(' union all ');
  const text = `select at, batch, members from (${union}) as posting order by at desc, batch desc limit $5`;
  const values = [...range, ...terms.map(String)];
  const found = await rows<PostingColumns>(db, `audit_postings_${String(terms.length)}`, text, values);
  return found.map(({ at, batch, members }) => ({
    at: Number(at),
    batch: Number(batch),
    offsets: decodeOffsets(members),
  }));
}

async function leaves(db: Queryable, where: string, values: unknown[], name: string): Promise<StoredLeaf[]> {
  const text = `select idx, body, resources from audit_leaf where ${where}`;
  const found = await rows<{ idx: string; body: Buffer; resources: string | null }>(db, name, text, values);
  return found.map(({ idx, body, resources }) => ({ index: Number(idx), body, resources }));
}

async function floor(db: Queryable): Promise<number> {
  const [row] = await rows<{ idx: string }>(db, 'audit_floor', 'select idx from audit_floor where id = 1', []);
  return Number(row?.idx ?? 0);
}

/** Hides all leaves so far from look-ups; they stay in the tree. */
export async function raiseFloor(db: Queryable): Promise<void> {
  const text = 'update audit_floor set idx = (select size from audit_tree where id = 1) where id = 1';
  await rows(db, 'audit_raise_floor', text, []);
}
