import type { Queryable } from '@keystead/db';
import type { BucketEncryption } from '../domain/encryption.js';
import type { SealedRecord } from '../domain/record-seal.js';

/** A bucket as it is kept. */
export interface Bucket {
  readonly name: string;
  /** The owner, 12 digits. */
  readonly account: string;
  readonly createdAt: Date;
  /** Undefined when nobody configured it. */
  readonly encryption: BucketEncryption | undefined;
}

interface Row {
  name: string;
  account: string;
  created_at: Date;
  encryption: BucketEncryption | null;
}

export async function findBucket(db: Queryable, name: string): Promise<Bucket | undefined> {
  const { rows } = await db.query<Row>({
    name: 'bucket_find',
    text: 'select name, account, created_at, encryption from bucket where name = $1',
    values: [name],
  });
  return rows[0] && bucketOf(rows[0]);
}

/** A bucket, and the sealed record of the object that `key` names in it. */
export async function findBucketAndObject(
  db: Queryable,
  name: string,
  key: string,
): Promise<{ bucket: Bucket; object: SealedRecord | undefined } | undefined> {
  const { rows } = await db.query<Row & { record: SealedRecord | null }>({
    name: 'bucket_object_find',
    text: `select bucket.name, bucket.account, bucket.created_at, bucket.encryption, object.record
           from bucket left join object on object.bucket = bucket.name and object.key = $2 where bucket.name = $1`,
    values: [name, Buffer.from(key, 'utf8')],
  });
  return rows[0] && { bucket: bucketOf(rows[0]), object: rows[0].record ?? undefined };
}

/** The buckets of one account by name, from behind `after`. */
export async function listBuckets(
  db: Queryable,
  account: string,
  { prefix, after, limit }: { prefix: string; after: string; limit: number },
): Promise<Bucket[]> {
  const { rows } = await db.query<Row>({
    name: 'bucket_list',
    text: `select name, account, created_at, encryption from bucket
           where account = $1 and name > $2 and left(name, length($3)) = $3 order by name limit $4`,
    values: [account, after, prefix, limit],
  });
  return rows.map(bucketOf);
}

/** False when the name is taken. */
export async function addBucket(db: Queryable, name: string, account: string, now: Date): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'bucket_add',
    text: 'insert into bucket (name, account, created_at) values ($1, $2, $3) on conflict (name) do nothing',
    values: [name, account, now],
  });
  return rowCount === 1;
}

/** Removes a bucket without objects and uploads; false when there are some. */
export async function removeBucket(db: Queryable, name: string): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'bucket_remove',
    text: `delete from bucket where name = $1
           and not exists (select 1 from object where bucket = $1)
           and not exists (select 1 from upload where bucket = $1)`,
    values: [name],
  });
  return rowCount === 1;
}

export async function setBucketEncryption(
  db: Queryable,
  name: string,
  encryption: BucketEncryption | undefined,
): Promise<void> {
  await db.query({
    name: 'bucket_set_encryption',
    text: 'update bucket set encryption = $2 where name = $1',
    values: [name, encryption ? JSON.stringify(encryption) : null],
  });
}

function bucketOf(row: Row): Bucket {
  return {
    name: row.name,
    account: row.account,
    createdAt: row.created_at,
    encryption: row.encryption ?? undefined,
  };
}
