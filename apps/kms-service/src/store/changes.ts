import type { Queryable } from '@keystead/db';

/** The last committed change. */
export async function currentSequence(db: Queryable): Promise<bigint> {
  const { rows } = await db.query<{ value: bigint }>({
    name: 'change_current',
    text: 'select value from change_sequence where only_row',
  });
  return rows[0]?.value ?? 0n;
}

/** Takes the next number and notes what it voids: the last statements of every change, since the row is locked until the commit. */
export async function nextSequence(tx: Queryable, cacheKeys: readonly string[]): Promise<bigint> {
  const { rows } = await tx.query<{ sequence: bigint }>({
    name: 'change_next',
    text: `with next as (update change_sequence set value = value + 1 where only_row returning value)
      insert into change (sequence, cache_keys) select value, $1::text[] from next returning sequence`,
    values: [cacheKeys],
  });
  if (!rows[0]) throw new Error('the change sequence has no row; was the schema migrated?');
  return rows[0].sequence;
}

/** What was changed after a sequence; `cacheKeys` is undefined when the notes do not reach back so far. */
export interface ChangesSince {
  readonly sequence: bigint;
  readonly cacheKeys: readonly string[] | undefined;
}

export async function changesSince(db: Queryable, applied: bigint): Promise<ChangesSince> {
  const { rows } = await db.query<{ value: bigint; cache_keys: string[] | null }>({
    name: 'change_since',
    text: `select s.value, c.cache_keys from change_sequence s left join change c on c.sequence > $1 where s.only_row`,
    values: [applied],
  });
  const sequence = rows[0]?.value ?? applied;
  const noted = rows.filter(({ cache_keys }) => cache_keys !== null);
  if (BigInt(noted.length) !== sequence - applied) return { sequence, cacheKeys: undefined };
  return { sequence, cacheKeys: noted.flatMap(({ cache_keys }) => cache_keys ?? []) };
}

/** Says that a process is there and what it has applied; its lease counts from before this call. */
export async function beat(db: Queryable, replica: string, applied: bigint): Promise<void> {
  await db.query({
    name: 'replica_beat',
    text: `insert into replica (id, applied_sequence, seen_at) values ($1, $2, now())
      on conflict (id) do update set applied_sequence = excluded.applied_sequence, seen_at = excluded.seen_at`,
    values: [replica, applied],
  });
}

/** How long the slowest other process may still serve what was before `sequence`, in ms; 0 when none does. */
export async function othersServeFor(
  db: Queryable,
  replica: string,
  sequence: bigint,
  leaseMs: number,
): Promise<number> {
  const { rows } = await db.query<{ left: number | null }>({
    name: 'replica_behind',
    text: `select max($3::float8 - extract(epoch from clock_timestamp() - seen_at) * 1000)::float8 as left
      from replica where id <> $1 and applied_sequence < $2`,
    values: [replica, sequence, leaseMs],
  });
  return Math.max(0, rows[0]?.left ?? 0);
}

/** Says that a process serves nothing any more. */
export async function leave(db: Queryable, replica: string): Promise<void> {
  await db.query({ name: 'replica_leave', text: 'delete from replica where id = $1', values: [replica] });
}

/** Forgets notes and processes that nobody needs. */
export async function prune(db: Queryable): Promise<void> {
  await db.query({ name: 'change_prune', text: `delete from change where committed_at < now() - interval '1 minute'` });
  await db.query({ name: 'replica_prune', text: `delete from replica where seen_at < now() - interval '1 minute'` });
}
