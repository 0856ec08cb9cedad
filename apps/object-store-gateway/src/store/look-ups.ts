import type { Queryable } from '@keystead/db';
import { LeasedCache } from '@keystead/service';
import type { SealedRecord } from '../domain/record-seal.js';
import { Batches } from './batches.js';
import { type Bucket, type BucketRow, bucketOf } from './buckets.js';
import { type IndexChanges, nameOf } from './index-changes.js';

interface Question {
  readonly bucket: string;
  readonly key: string;
}

/** A bucket, and the sealed record of the object that a key names in it. */
export interface FoundObject {
  readonly bucket: Bucket;
  readonly object: SealedRecord | undefined;
}

/** Callers who were answered together ask together, within this: what follows then shares a frame to the log. */
const PATIENCE_MS = 1;
/** How much is kept, in KiB of records and as many objects at most. */
const MOST_KEPT = 16_384;

/**
 * Finds buckets together with an object in them: in memory as far as `changes` vouches for it, else many with one question
 * to the database.
 */
export function lookUps(
  db: Queryable,
  changes: IndexChanges,
): (bucket: string, key: string) => Promise<FoundObject | undefined> {
  const company = new Batches<undefined, undefined>((callers) => Promise.resolve(callers), { patienceMs: PATIENCE_MS });
  const database = new Batches<Question, FoundObject | undefined>((questions) => findAll(db, questions));
  const kept = new LeasedCache<FoundObject>({ lease: changes, maxEntries: MOST_KEPT, weigh });
  return async (bucket, key) => {
    await company.do(undefined);
    const [name, ask] = [nameOf(bucket, key), () => database.do({ bucket, key })];
    if (changes.isChanging(name)) return ask();
    return kept.peek(name) ?? kept.get(name, ask);
  };
}

const weigh = ({ object }: FoundObject): number => 1 + Math.floor((object?.length ?? 0) / 1_024);

/**
 * The arrays stand in sub-selects, where the planner does not count them: knowing that there is one row it would find its
 * general plan too dear and plan anew each time, which costs more than the look-up.
 */
const FIND = `select asked.n, bucket.name, bucket.account, bucket.created_at, bucket.encryption, found.record
  from unnest((select $1::text[]), (select $2::bytea[])) with ordinality as asked (bucket, key, n)
  join bucket on bucket.name = asked.bucket
  left join lateral (
    select record from object where object.bucket = asked.bucket and object.key = asked.key offset 0
  ) as found on true`;

async function findAll(db: Queryable, questions: readonly Question[]): Promise<(FoundObject | undefined)[]> {
  const { rows } = await db.query<BucketRow & { n: bigint; record: SealedRecord | null }>({
    name: 'bucket_object_find',
    text: FIND,
    values: [questions.map(({ bucket }) => bucket), questions.map(({ key }) => Buffer.from(key, 'utf8'))],
  });
  const answers = new Array<FoundObject | undefined>(questions.length).fill(undefined);
  for (const row of rows) answers[Number(row.n) - 1] = { bucket: bucketOf(row), object: row.record ?? undefined };
  return answers;
}
