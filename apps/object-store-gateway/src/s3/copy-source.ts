import { objectArn } from '../domain/arn.js';
import { checkCopyConditions } from '../domain/conditions.js';
import { S3Error } from '../domain/s3-error.js';
import type { ByteRange } from '../domain/range.js';
import type { Gateway } from '../gateway.js';
import { conditionValues } from './conditions.js';
import type { S3Request } from './http/request.js';
import { conditionsOf } from './object/headers.js';
import { ObjectReader } from './object/open.js';
import { provenDataKey, storedObject } from './object/record.js';
import type { StoredObject } from './object/record.js';
import type { PlainSource } from './object/seal.js';
import { checkOwner } from './screen.js';

const HEADER = 'x-amz-copy-source';

/**
 * The object that a copy reads: found, allowed for the caller, and as the conditions want it.
 *
 * @throws {S3Error} InvalidArgument, NoSuchBucket, NoSuchKey, AccessDenied, PreconditionFailed
 */
export async function copySource(gateway: Gateway, request: S3Request): Promise<StoredObject> {
  const { bucket: name, key } = readCopySource(request.header(HEADER) ?? '');
  const found = await gateway.store.bucketAndObject(name, key);
  if (!found) throw new S3Error('NoSuchBucket', undefined, { BucketName: name });
  const { bucket, object } = found;
  const { account } = bucket;
  checkOwner(request.header('x-amz-source-expected-bucket-owner'), account, name);
  const values = conditionValues(request, account);
  const question = { action: 's3:GetObject', resource: objectArn(name, key), account, values };
  await gateway.access.check(request.context, question);
  const stored = await storedObject(gateway, request, bucket, key, object);
  checkCopyConditions(conditionsOf(request, `${HEADER}-`), stored.record);
  return stored;
}

function readCopySource(header: string): { bucket: string; key: string } {
  const [path = '', version] = header.split('?versionId=', 2);
  if (version !== undefined && version !== 'null')
    throw new S3Error('NotImplemented', 'Object versions are not implemented', { Header: HEADER });
  if (path.startsWith('arn:'))
    throw new S3Error('NotImplemented', 'Access points are not implemented', { Header: HEADER });
  const decoded = decode(path).replace(/^\//, '');
  const slash = decoded.indexOf('/');
  if (slash < 1 || slash === decoded.length - 1 || decoded.includes('\0')) throw invalid();
  return { bucket: decoded.slice(0, slash), key: decoded.slice(slash + 1) };
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw invalid();
  }
}

function invalid(): S3Error {
  const details = { ArgumentName: HEADER };
  return new S3Error(
    'InvalidArgument',
    'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    details,
  );
}

/** The plaintext of a range of the source, and how to end reading it. */
export async function openSource(
  gateway: Gateway,
  request: S3Request,
  stored: StoredObject,
  range: ByteRange,
): Promise<PlainSource & { close(): Promise<void> }> {
  const key = provenDataKey(gateway, request, stored);
  const reader = await ObjectReader.open(gateway.backend, stored.record, range, key);
  return {
    length: range.to - range.from,
    trailer: new Map(),
    next: async () =>
      (await reader.next())?.map((piece) => Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)),
    close: () => reader.close(),
  };
}
