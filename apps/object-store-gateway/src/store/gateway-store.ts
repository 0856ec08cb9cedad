import { enqueue } from '@keystead/audit';
import { transaction } from '@keystead/db';
import type { Pool, Queryable } from '@keystead/db';
import type { AuditRecord } from '@keystead/proto/audit';
import * as buckets from './buckets.js';
import * as garbage from './garbage.js';
import { IndexChanges, NEVER_SOLE, nameOf } from './index-changes.js';
import type { Name } from './index-changes.js';
import { KnownBuckets } from './known-buckets.js';
import { lookUps } from './look-ups.js';
import type { FoundObject } from './look-ups.js';
import { objectWrites } from './object-writes.js';
import type { WriteObject } from './object-writes.js';
import * as objects from './objects.js';
import { forgetEverything } from './reset.js';
import * as uploads from './uploads.js';

/** What can be asked of the database. */
const reading = (db: Queryable) => ({
  bucket: bind(db, buckets.findBucket),
  buckets: bind(db, buckets.listBuckets),
  objects: bind(db, objects.listObjects),
  upload: bind(db, uploads.findUpload),
  uploadExists: bind(db, uploads.uploadExists),
  uploads: bind(db, uploads.listUploads),
  parts: bind(db, uploads.listParts),
});

type Touch = (name: Name) => void;

/** What can be done in one transaction; `touch` is told first what an answer from memory must no longer show. */
const changes = (tx: Queryable, touch: Touch) => ({
  ...reading(tx),
  addBucket: touching(bind(tx, buckets.addBucket), () => touch(undefined)),
  removeBucket: touching(bind(tx, buckets.removeBucket), () => touch(undefined)),
  setBucketEncryption: touching(bind(tx, buckets.setBucketEncryption), () => touch(undefined)),
  lockObject: bind(tx, objects.lockObject),
  replaceObject: touching(bind(tx, objects.replaceObject), (_, { bucket, key }) => touch(nameOf(bucket, key))),
  addObject: touching(bind(tx, objects.addObject), (_, { bucket, key }) => touch(nameOf(bucket, key))),
  removeObject: touching(bind(tx, objects.removeObject), (bucket, key) => touch(nameOf(bucket, key))),
  addUpload: bind(tx, uploads.addUpload),
  lockParts: bind(tx, uploads.lockParts),
  removeUpload: bind(tx, uploads.removeUpload),
  discard: bind(tx, garbage.discard),
});

/** Questions and changes inside a transaction. */
export type Changes = ReturnType<typeof changes>;

/** The gateway's part of the database, as operations use it. */
export type GatewayStore = ReturnType<typeof reading> & {
  /** A bucket as it was less than a second ago, for a write that checks its owner when it is committed. */
  recentBucket(name: string): Promise<buckets.Bucket | undefined>;
  /** A bucket, and the object that a key names in it; from memory where this is the only gateway. */
  bucketAndObject(bucket: string, key: string): Promise<FoundObject | undefined>;
  /** Puts an object into the index together with the record of the call. */
  writeObject: WriteObject;
  /** See `putPart`. */
  putPart(uploadId: string, part: uploads.Part): Promise<void>;
  /** Makes a change and keeps the record of it, both or neither. The function may run again after a conflict. */
  change(record: AuditRecord, work: (changes: Changes) => Promise<void>): Promise<void>;
  /** Forgets all buckets, objects and uploads (test mode). */
  reset(): Promise<void>;
};

/** @param sole says when nobody else changes the index; without it nothing of it is kept in memory */
export function gatewayStore(
  pool: Pool,
  sole: ConstructorParameters<typeof IndexChanges>[0] = NEVER_SOLE,
): GatewayStore {
  const known = new KnownBuckets((name) => buckets.findBucket(pool, name));
  const index = new IndexChanges(sole);
  const write = objectWrites(pool);
  const changing = (record: AuditRecord, work: (changes: Changes) => Promise<void>): Promise<void> =>
    index.during((touch) =>
      transaction(pool, async (tx) => {
        await work(changes(tx, touch));
        await enqueue(tx, record);
      }),
    );
  return {
    ...reading(pool),
    recentBucket: (name) => known.get(name),
    bucketAndObject: lookUps(pool, index),
    writeObject: (object) =>
      index.during((touch) => {
        touch(nameOf(object.record.bucket, object.record.key));
        return write(object);
      }),
    putPart: bind(pool, uploads.putPart),
    change: (record, work) => changing(record, work).finally(() => known.forget()),
    reset: () =>
      index
        .during((touch) => {
          touch(undefined);
          return transaction(pool, forgetEverything);
        })
        .finally(() => known.forget()),
  };
}

function bind<A extends unknown[], R>(db: Queryable, query: (db: Queryable, ...args: A) => R): (...args: A) => R {
  return (...args) => query(db, ...args);
}

function touching<A extends unknown[], R>(
  query: (...args: A) => R,
  before: (...args: NoInfer<A>) => void,
): (...args: A) => R {
  return (...args) => {
    before(...args);
    return query(...args);
  };
}
