import type { Batch } from '../domain/batch.js';
import { type Queryable, rows } from './queryable.js';

// One statement, so one transaction and one round trip. The numbers of a batch travel as array literals and its bytes as
// one binary parameter that the database slices: no element is escaped, hex-coded or parsed one by one.
const text = `with tree as (
    update audit_tree set size = $3, frontier = $4, root = $5, appended_at = $6
    where id = 1 and size = $1 and epoch = $2
    returning id
  ), leaves as (
    insert into audit_leaf (idx, event_id, appended_at, body, leaf, resources)
    select $1::bigint + n - 1, event_id, $6, substring($10::bytea from start for length),
      substring($11::bytea from (n * 32 - 31)::int for 32), ($12::text[])[n]
    from unnest($7::uuid[], $8::int[], $9::int[]) with ordinality as leaf (event_id, start, length, n)
    where exists (select 1 from tree)
  ), postings as (
    insert into audit_posting (term, at, batch, members)
    select term, at, $1::bigint, substring($17::bytea from start for length)
    from unnest($13::bigint[], $14::bigint[], $15::int[], $16::int[]) as posting (term, at, start, length)
    where exists (select 1 from tree)
  )
  select id from tree`;

/**
 * Commits a batch if the tree still has the size and epoch that it was made for; false when it has not, and nothing was
 * written. Rejects with PostgreSQL's 23505 when an event id is in the journal already.
 */
export async function commit(db: Queryable, batch: Batch, epoch: bigint): Promise<boolean> {
  const { first, next, frontier, root, time, eventIds, bodies, leaves, resources, terms, seconds, members } = batch;
  const values = [
    ...[first, epoch.toString(), next.size, frontier, root, time],
    ...[literal(eventIds), literal(bodies.starts), literal(bodies.lengths), bodies.bytes, leaves],
    resources.every((item) => item === null) ? null : resources,
    ...[literal(terms), literal(seconds), literal(members.starts), literal(members.lengths), members.bytes],
  ];
  return (await rows(db, 'audit_commit', text, values)).length === 1;
}

/** A PostgreSQL array of numbers or UUIDs, whose elements need no quotes. */
function literal(items: readonly (string | number | bigint)[]): string {
  return `{${items.join(',')}}`;
}

/** Which of these events are in the journal, and where. */
export async function findEvents(db: Queryable, eventIds: readonly string[]): Promise<Map<string, number>> {
  const query = 'select event_id::text as id, idx::text as idx from audit_leaf where event_id = any($1::uuid[])';
  const found = await rows<{ id: string; idx: string }>(db, 'audit_find_events', query, [literal(eventIds)]);
  return new Map(found.map(({ id, idx }) => [id, Number(idx)]));
}
