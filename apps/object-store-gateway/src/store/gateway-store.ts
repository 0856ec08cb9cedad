import { enqueue } from '@keystead/audit';
import { transaction } from '@keystead/db';
import type { Pool, Queryable } from '@keystead/db';
import type { AuditRecord } from '@keystead/proto/audit';
import * as buckets from './buckets.js';
import * as garbage from './garbage.js';
import { KnownBuckets } from './known-buckets.js';
import { lookUps } from './look-ups.js';
import type { FoundObject } from './look-ups.js';
import { objectWrites } from './object-writes.js';
import type { WriteObject } from './object-writes.js';
import * as objects from './objects.js';
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

/** What can be done in one transaction. */
const changes = (tx: Queryable) => ({
  ...reading(tx),
  addBucket: bind(tx, buckets.addBucket),
  removeBucket: bind(tx, buckets.removeBucket),
  setBucketEncryption: bind(tx, buckets.setBucketEncryption),
  lockObject: bind(tx, objects.lockObject),
  replaceObject: bind(tx, objects.replaceObject),
  addObject: bind(tx, objects.addObject),
  removeObject: bind(tx, objects.removeObject),
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
  /** A bucket, and the object that a key names in it. */
  bucketAndObject(bucket: string, key: string): Promise<FoundObject | undefined>;
  /** Puts an object into the index together with the record of the call. */
  writeObject: WriteObject;
  /** See `putPart`. */
  putPart(uploadId: string, part: uploads.Part): Promise<void>;
  /** Makes a change and keeps the record of it, both or neither. The function may run again after a conflict. */
  change(record: AuditRecord, work: (changes: Changes) => Promise<void>): Promise<void>;
};

export function gatewayStore(pool: Pool): GatewayStore {
  const known = new KnownBuckets((name) => buckets.findBucket(pool, name));
  const changing = async (record: AuditRecord, work: (changes: Changes) => Promise<void>): Promise<void> => {
    await transaction(pool, async (tx) => {
      await work(changes(tx));
      await enqueue(tx, record);
    });
  };
  return {
    ...reading(pool),
    recentBucket: (name) => known.get(name),
    bucketAndObject: lookUps(pool),
    writeObject: objectWrites(pool),
    putPart: bind(pool, uploads.putPart),
    change: (record, work) => changing(record, work).finally(() => known.forget()),
  };
}

function bind<A extends unknown[], R>(db: Queryable, query: (db: Queryable, ...args: A) => R): (...args: A) => R {
  return (...args) => query(db, ...args);
}
