import { noteOrigin } from '@keystead/audit';
import { sqlState } from '@keystead/db';
import type { Queryable } from '@keystead/db';
import { AuditRecord } from '@keystead/proto/audit';
import type { ObjectRecord } from '../domain/object.js';
import type { SealedRecord } from '../domain/record-seal.js';
import { Batches } from './batches.js';
import { nameOf } from './index-changes.js';

/** An object of one blob that takes the place of whatever its key named, and the record of the call. */
export interface ObjectWrite {
  readonly sealed: SealedRecord;
  readonly record: ObjectRecord;
  /** The owner of the bucket, under whom the write was authorized. */
  readonly owner: string;
  readonly told: AuditRecord;
}

/** Puts an object into the index; false when its bucket is gone or has another owner, and nothing was written. */
export type WriteObject = (write: ObjectWrite) => Promise<boolean>;

/** A commit costs as much CPU as a dozen writes in it, and a write waits longer for its data key and its blob. */
const PATIENCE_MS = 2;

/** Writes of objects, many with one commit. */
export function objectWrites(db: Queryable): WriteObject {
  const batches = new Batches<ObjectWrite, Result>((writes) => writeAll(db, writes), { patienceMs: PATIENCE_MS });
  return async (write) => {
    noteOrigin(write.told);
    const result = await batches.do(write);
    if (typeof result === 'boolean') return result;
    throw result;
  };
}

/** Whether it was written, or why the database refused this one. */
type Result = boolean | Error;

/** A statement changes a row once, so what writes the same key comes after, in the order in which it came. */
async function writeAll(db: Queryable, writes: readonly ObjectWrite[]): Promise<Result[]> {
  const results = new Map<ObjectWrite, Result>();
  for (let left = [...writes]; left.length > 0;) {
    const now = new Map<string, ObjectWrite>();
    const later: ObjectWrite[] = [];
    for (const write of left) {
      const name = nameOf(write.record.bucket, write.record.key);
      if (now.has(name)) later.push(write);
      else now.set(name, write);
    }
    await writeDifferent(db, [...now.values()], results);
    left = later;
  }
  return writes.map((write) => results.get(write) ?? false);
}

async function writeDifferent(
  db: Queryable,
  writes: readonly ObjectWrite[],
  results: Map<ObjectWrite, Result>,
): Promise<void> {
  try {
    const written = await replaceObjects(db, writes);
    for (const write of writes) results.set(write, written.has(nameOf(write.record.bucket, write.record.key)));
  } catch (error) {
    // What the database refuses, or cannot do beside others, concerns single writes; a dead database concerns all.
    if (sqlState(error) === undefined) throw error;
    const [only, ...others] = writes;
    if (only && others.length === 0) results.set(only, error as Error);
    else for (const write of writes) await writeDifferent(db, [write], results);
  }
}

/**
 * Rows are locked in the order of their names, so that two replicas never wait for each other. (Of two first writes of a
 * key at once in two replicas the blob of one stays unnamed until the operator's sweep.)
 */
const REPLACE = `with new as (
    select n.* from unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::timestamptz[],
        $8::text[], $9::text[], $10::text[], $11::bytea[])
      as n (bucket, key, record, blob, size, etag, modified_at, checksum_algorithm, checksum_type, owner, told)
    join bucket on bucket.name = n.bucket and bucket.account = n.owner
    order by n.bucket, n.key
  ), old as (
    select locked.blobs from new, lateral (
      select blobs from object where object.bucket = new.bucket and object.key = new.key for update
    ) as locked
  ), gone as (
    insert into garbage (blob) select unnest(blobs) from old on conflict (blob) do nothing
  ), told as (
    insert into audit_outbox (record) select told from new
  )
  insert into object as o
    (bucket, key, record, blobs, size, etag, modified_at, checksum_algorithm, checksum_type)
  select bucket, key, record, array[blob], size, etag, modified_at, checksum_algorithm, checksum_type
  from new, (select count(*) from old) as locked -- makes the locks come before the updates
  on conflict (bucket, key) do update set record = excluded.record, blobs = excluded.blobs,
    size = excluded.size, etag = excluded.etag, modified_at = excluded.modified_at,
    checksum_algorithm = excluded.checksum_algorithm, checksum_type = excluded.checksum_type
  returning o.bucket, o.key`;

/** One statement and one commit; answers the names of what was written. */
async function replaceObjects(db: Queryable, writes: readonly ObjectWrite[]): Promise<Set<string>> {
  const of = <T>(column: (write: ObjectWrite) => T): T[] => writes.map(column);
  const { rows } = await db.query<{ bucket: string; key: Buffer }>({
    name: 'objects_replace',
    text: REPLACE,
    values: [
      of(({ record }) => record.bucket),
      of(({ record }) => Buffer.from(record.key, 'utf8')),
      of(({ sealed }) => sealed),
      of(({ record }) => record.segments[0]?.blob),
      of(({ record }) => record.size),
      of(({ record }) => record.etag),
      of(({ record }) => new Date(record.modified)),
      of(({ record }) => record.checksum?.algorithm ?? null),
      of(({ record }) => record.checksum?.type ?? null),
      of(({ owner }) => owner),
      of(({ told }) => Buffer.from(AuditRecord.encode(told).finish())),
    ],
  });
  return new Set(rows.map(({ bucket, key }) => nameOf(bucket, key.toString('utf8'))));
}
