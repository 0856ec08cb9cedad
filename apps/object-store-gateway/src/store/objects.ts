import type { Queryable } from '@keystead/db';
import { readRecord } from '../domain/record-seal.js';
import type { SealedRecord } from '../domain/record-seal.js';
import type { ObjectRecord } from '../domain/object.js';

const keyBytes = (key: string): Buffer => Buffer.from(key, 'utf8');

/** The record of an object that nobody else changes before the transaction ends. */
export async function lockObject(tx: Queryable, bucket: string, key: string): Promise<ObjectRecord | undefined> {
  const { rows } = await tx.query<{ record: SealedRecord }>({
    name: 'object_lock',
    text: 'select record from object where bucket = $1 and key = $2 for update',
    values: [bucket, keyBytes(key)],
  });
  return rows[0] && readRecord(rows[0].record);
}

const COLUMNS = 'bucket, key, record, blobs, size, etag, modified_at, checksum_algorithm, checksum_type';

function columnsOf(sealed: SealedRecord, record: ObjectRecord): unknown[] {
  return [
    record.bucket,
    keyBytes(record.key),
    sealed,
    record.segments.map(({ blob }) => blob),
    record.size,
    record.etag,
    new Date(record.modified),
    record.checksum?.algorithm ?? null,
    record.checksum?.type ?? null,
  ];
}

/**
 * Makes `record` the object of its key, whatever was there; the blobs of that become garbage. One statement, so that
 * a write without conditions costs one way to the database. (Of two first writes of a key at once the blobs of one stay
 * unnamed until the operator's sweep.)
 */
export async function replaceObject(db: Queryable, sealed: SealedRecord, record: ObjectRecord): Promise<void> {
  await db.query({
    name: 'object_replace',
    text: `with old as (select blobs from object where bucket = $1 and key = $2 for update),
             gone as (insert into garbage (blob) select unnest(blobs) from old on conflict (blob) do nothing)
           insert into object (${COLUMNS})
           select $1, $2::bytea, $3, $4::text[], $5::bigint, $6, $7::timestamptz, $8, $9
           from (select count(*) from old) as locked -- makes the lock come before the update
           on conflict (bucket, key) do update set record = excluded.record, blobs = excluded.blobs,
             size = excluded.size, etag = excluded.etag, modified_at = excluded.modified_at,
             checksum_algorithm = excluded.checksum_algorithm, checksum_type = excluded.checksum_type`,
    values: columnsOf(sealed, record),
  });
}

/** Makes `record` the object of its key if there is none; else answers false. */
export async function addObject(db: Queryable, sealed: SealedRecord, record: ObjectRecord): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'object_add',
    text: `insert into object (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           on conflict (bucket, key) do nothing`,
    values: columnsOf(sealed, record),
  });
  return rowCount === 1;
}

export async function removeObject(tx: Queryable, bucket: string, key: string): Promise<void> {
  await tx.query({
    name: 'object_remove',
    text: 'delete from object where bucket = $1 and key = $2',
    values: [bucket, keyBytes(key)],
  });
}

/** What a listing shows of an object. */
export interface ListedObject {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly modified: Date;
  readonly checksumAlgorithm: string | undefined;
  readonly checksumType: string | undefined;
}

/** Objects with `after` < key < `before` in the order of their UTF-8 bytes; `before` undefined means no end. */
export async function listObjects(
  db: Queryable,
  bucket: string,
  range: { readonly after: Buffer; readonly inclusive: boolean; readonly before: Buffer | undefined },
  limit: number,
): Promise<ListedObject[]> {
  const compare = range.inclusive ? '>=' : '>';
  const { rows } = await db.query<ListRow>({
    name: `object_list_${range.inclusive ? 'from' : 'after'}`,
    text: `select key, size, etag, modified_at, checksum_algorithm, checksum_type from object
           where bucket = $1 and key ${compare} $2 and ($3::bytea is null or key < $3) order by key limit $4`,
    values: [bucket, range.after, range.before ?? null, limit],
  });
  return rows.map((row) => ({
    key: row.key.toString('utf8'),
    size: Number(row.size),
    etag: row.etag,
    modified: row.modified_at,
    checksumAlgorithm: row.checksum_algorithm ?? undefined,
    checksumType: row.checksum_type ?? undefined,
  }));
}

interface ListRow {
  key: Buffer;
  size: bigint;
  etag: string;
  modified_at: Date;
  checksum_algorithm: string | null;
  checksum_type: string | null;
}
