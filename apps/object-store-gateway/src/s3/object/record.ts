import { bucketArn } from '../../domain/arn.js';
import { readRecord, recordIsGenuine, sealRecord } from '../../domain/record-seal.js';
import type { SealedRecord } from '../../domain/record-seal.js';
import type { ObjectRecord } from '../../domain/object.js';
import { S3Error } from '../../domain/s3-error.js';
import type { Gateway } from '../../gateway.js';
import type { Bucket } from '../../store/buckets.js';
import type { S3Request } from '../http/request.js';
import { openDataKey } from './data-key.js';

/** An object as it is stored. */
export interface StoredObject {
  readonly record: ObjectRecord;
  readonly sealed: SealedRecord;
}

/**
 * The object of a key, from what the index has. Who may not list the bucket does not learn that a key is missing.
 *
 * @throws {S3Error} NoSuchKey, or AccessDenied
 */
export async function storedObject(
  { access }: Gateway,
  { context }: S3Request,
  { name, account }: Pick<Bucket, 'name' | 'account'>,
  key: string,
  sealed: SealedRecord | undefined,
): Promise<StoredObject> {
  if (sealed !== undefined) {
    const record = readRecord(sealed);
    // Its MAC proves what it is, not that it lies under its own name.
    if (record.bucket === name && record.key === key) return { sealed, record };
    throw Object.assign(new S3Error('InternalError'), { cause: new Error(`the index has another record for ${key}`) });
  }
  const question = { action: 's3:ListBucket', resource: bucketArn(name), account, values: {} };
  if (await access.allows(context, question)) throw new S3Error('NoSuchKey', undefined, { Key: key });
  throw new S3Error('AccessDenied');
}

/** Opens the data key of an object and proves with it that the record is what was stored. */
export async function provenDataKey(gateway: Gateway, request: S3Request, stored: StoredObject): Promise<Buffer> {
  const { record, sealed } = stored;
  const dataKey = await openDataKey(gateway, request, record, record.encryption);
  if (recordIsGenuine(sealed, record.uploadId, dataKey)) return dataKey;
  dataKey.fill(0);
  throw Object.assign(new S3Error('InternalError'), { cause: new Error(`the record of ${record.key} was changed`) });
}

/** Seals the record of a new object. */
export function newObject(record: ObjectRecord, dataKey: Buffer): StoredObject {
  return { record, sealed: sealRecord(record, dataKey) };
}

/** The record as it lies beside the object's first blob. */
export function recordBytes({ sealed }: StoredObject): Buffer {
  return Buffer.from(sealed, 'utf8');
}
