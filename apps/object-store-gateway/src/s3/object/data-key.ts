import { randomBytes } from 'node:crypto';
import { MANAGED_KEY, SERVICE_KEY } from '../../clients/data-keys.js';
import type { KeyUser } from '../../clients/data-keys.js';
import { kmsContext } from '../../domain/encryption.js';
import type { ObjectEncryption } from '../../domain/encryption.js';
import { bucketArn, objectArn } from '../../domain/arn.js';
import type { ObjectRecord, StoredEncryption } from '../../domain/object.js';
import { S3Error } from '../../domain/s3-error.js';
import type { Gateway } from '../../gateway.js';
import type { S3Request } from '../http/request.js';
import { kmsToS3 } from '../kms-error.js';

/** The data key of a new object, and what is kept of it. */
export interface NewDataKey {
  /** To be zeroed by whoever asked. */
  readonly dataKey: Buffer;
  readonly encryption: StoredEncryption;
}

/** Which object a data key is for. */
type ObjectPlace = Pick<ObjectRecord, 'bucket' | 'key'>;

const SALT_SIZE = 32;

/**
 * Makes the data key of a new object; for aws:kms in the caller's name, else as this service. With a Bucket Key, and for
 * AES256, it is derived from a key of the bucket.
 */
export async function newDataKey(
  gateway: Gateway,
  request: S3Request,
  place: ObjectPlace,
  chosen: ObjectEncryption,
): Promise<NewDataKey> {
  if (chosen.algorithm === 'aws:kms') checkTransport(gateway, request);
  const [user, keyId, context] = keyUse(request, place, chosen);
  const bucketKeyEnabled = chosen.algorithm === 'aws:kms' && chosen.bucketKeyEnabled;
  const stored = { algorithm: chosen.algorithm, context, bucketKeyEnabled };
  try {
    if (chosen.algorithm === 'AES256' || bucketKeyEnabled) {
      const bucketKey = await gateway.bucketKeys.generate(user, keyId, context);
      const salt = randomBytes(SALT_SIZE);
      const { keyArn, wrapped: wrappedKey } = bucketKey;
      const encryption = { ...stored, keyArn, wrappedKey, keySalt: salt.toString('base64') };
      return { dataKey: bucketKey.objectKey(salt, arnOf(place)), encryption };
    }
    const { plaintext, wrapped, keyArn } = await gateway.dataKeys.generate(user, keyId, context);
    return { dataKey: plaintext, encryption: { ...stored, keyArn, wrappedKey: wrapped.toString('base64') } };
  } catch (error) {
    throw kmsToS3(error);
  }
}

function keyUse(
  request: S3Request,
  { bucket, key }: ObjectPlace,
  chosen: ObjectEncryption,
): [KeyUser, string, Record<string, string>] {
  if (chosen.algorithm === 'AES256') return ['service', SERVICE_KEY, { 'aws:s3:arn': bucketArn(bucket) }];
  return [request.context, chosen.kmsKeyId ?? MANAGED_KEY, kmsContext(bucket, key, chosen)];
}

/** Opens the data key of an object or upload; for aws:kms in the caller's name. To be zeroed by whoever asked. */
export async function openDataKey(
  gateway: Gateway,
  request: S3Request,
  place: ObjectPlace,
  { algorithm, keyArn, wrappedKey, keySalt, context }: StoredEncryption,
): Promise<Buffer> {
  if (algorithm === 'aws:kms') checkTransport(gateway, request);
  const user = algorithm === 'aws:kms' ? request.context : 'service';
  try {
    if (keySalt === undefined)
      return await gateway.dataKeys.open(user, keyArn, Buffer.from(wrappedKey, 'base64'), context);
    const bucketKey = await gateway.bucketKeys.open(user, keyArn, wrappedKey, context);
    return bucketKey.objectKey(Buffer.from(keySalt, 'base64'), arnOf(place));
  } catch (error) {
    throw kmsToS3(error);
  }
}

/** A data key, once it is durable that it may be used; zeroed when that fails. */
export async function recordedKey<T>(
  opening: Promise<T>,
  recording: Promise<void> | undefined,
  bytesOf: (opened: T) => Buffer,
): Promise<T> {
  const [opened, recorded] = await Promise.allSettled([opening, recording]);
  if (opened.status === 'rejected') throw opened.reason;
  if (recorded.status === 'fulfilled') return opened.value;
  bytesOf(opened.value).fill(0);
  throw recorded.reason;
}

const arnOf = ({ bucket, key }: ObjectPlace): string => objectArn(bucket, key);

/** S3 serves SSE-KMS objects over TLS only; on the machine itself the rule is off unless the operator wants it. */
function checkTransport({ tlsRule }: Gateway, { arrival }: S3Request): void {
  if (arrival.tlsVersion !== '' || tlsRule === 'never') return;
  if (tlsRule === 'unless-loopback' && isLoopback(arrival.sourceIp)) return;
  throw new S3Error(
    'InvalidArgument',
    'Requests specifying Server Side Encryption with AWS KMS managed keys must be made over a secure connection.',
  );
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);
}
