import { enqueue } from '@keystead/audit';
import { transaction } from '@keystead/db';
import type { Pool, Queryable } from '@keystead/db';
import type { AuditRecord } from '@keystead/proto/audit';
import type { ObjectRecord } from '../domain/object.js';
import type { SealedRecord } from '../domain/record-seal.js';
import * as buckets from './buckets.js';
import * as garbage from './garbage.js';
import * as objects from './objects.js';
import * as uploads from './uploads.js';

/** What can be asked of the database. */
const reading = (db: Queryable) => ({
  bucket: bind(db, buckets.findBucket),
  bucketAndObject: bind(db, buckets.findBucketAndObject),
  buckets: bind(db, buckets.listBuckets),
  objects: bind(db, objects.listObjects),
  upload: bind(db, uploads.findUpload),
  uploadExists: bind(db, uploads.uploadExists),
  uploads: bind(db, uploads.listUploads),
  parts: bind(db, uploads.listParts),
});

/** What can be done in one transaction. */
const changing = (tx: Queryable) => ({
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
export type Changes = ReturnType<typeof changing>;

/** The gateway's part of the database, as operations use it. */
export type GatewayStore = ReturnType<typeof reading> & {
  /** See `replaceObject`. */
  replaceObject(sealed: SealedRecord, record: ObjectRecord): Promise<void>;
  /** See `putPart`. */
  putPart(uploadId: string, part: uploads.Part): Promise<void>;
  /** Makes a change and keeps the record of it, both or neither. The function may run again after a conflict. */
  change(record: AuditRecord, work: (changes: Changes) => Promise<void>): Promise<void>;
};

export function gatewayStore(pool: Pool): GatewayStore {
  return {
    ...reading(pool),
    replaceObject: bind(pool, objects.replaceObject),
    putPart: bind(pool, uploads.putPart),
    change: (record, work) =>
      transaction(pool, async (tx) => {
        await work(changing(tx));
        await enqueue(tx, record);
      }),
  };
}

function bind<A extends unknown[], R>(db: Queryable, query: (db: Queryable, ...args: A) => R): (...args: A) => R {
  return (...args) => query(db, ...args);
}
