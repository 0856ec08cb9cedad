import type { Queryable } from '@keystead/db';
import type { SealedRecord } from '../domain/record-seal.js';
import { Batches } from './batches.js';
import { type Bucket, type BucketRow, bucketOf } from './buckets.js';

interface Question {
  readonly bucket: string;
  readonly key: string;
}

/** A bucket, and the sealed record of the object that a key names in it. */
export interface FoundObject {
  readonly bucket: Bucket;
  readonly object: SealedRecord | undefined;
}

/** Callers who were answered together ask together, within this; two questions cost almost twice as much as one. */
const PATIENCE_MS = 1;

/** Finds buckets together with an object in them, many with one question to the database. */
export function lookUps(db: Queryable): (bucket: string, key: string) => Promise<FoundObject | undefined> {
  const batches = new Batches<Question, FoundObject | undefined>((questions) => findAll(db, questions), {
    patienceMs: PATIENCE_MS,
  });
  return (bucket, key) => batches.do({ bucket, key });
}

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
