import type { Queryable } from '@keystead/db';
import type { BucketEncryption } from '../domain/encryption.js';

/** A bucket as it is kept. */
export interface Bucket {
  readonly name: string;
  /** The owner, 12 digits. */
  readonly account: string;
  readonly createdAt: Date;
  /** Undefined when nobody configured it. */
  readonly encryption: BucketEncryption | undefined;
}

/** A bucket as the database gives it. */
export interface BucketRow {
  name: string;
  account: string;
  created_at: Date;
  encryption: BucketEncryption | null;
}

export async function findBucket(db: Queryable, name: string): Promise<Bucket | undefined> {
  const { rows } = await db.query<BucketRow>({
    name: 'bucket_find',
    text: 'select name, account, created_at, encryption from bucket where name = $1',
    values: [name],
  });
  return rows[0] && bucketOf(rows[0]);
}

/** The buckets of one account by name, from behind `after`. */
export async function listBuckets(
  db: Queryable,
  account: string,
  { prefix, after, limit }: { prefix: string; after: string; limit: number },
): Promise<Bucket[]> {
  const { rows } = await db.query<BucketRow>({
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

export function bucketOf(row: BucketRow): Bucket {
  return {
    name: row.name,
    account: row.account,
    createdAt: row.created_at,
    encryption: row.encryption ?? undefined,
  };
}
