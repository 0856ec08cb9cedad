import { bucketArn, objectArn } from './arn.js';
import { S3Error } from './s3-error.js';

/** What a bucket says about new objects; AES256 without a Bucket Key is also what an unconfigured bucket says. */
export interface BucketEncryption {
  readonly algorithm: 'AES256' | 'aws:kms';
  /** As configured: id, ARN, alias or alias ARN; S3 does not check it. */
  readonly kmsKeyId?: string;
  readonly bucketKeyEnabled: boolean;
}

export const DEFAULT_ENCRYPTION: BucketEncryption = Object.freeze({ algorithm: 'AES256', bucketKeyEnabled: false });

/** What a request says about the object it makes. */
export interface RequestedEncryption {
  readonly algorithm?: 'AES256' | 'aws:kms';
  readonly kmsKeyId?: string;
  readonly context?: Readonly<Record<string, string>>;
  readonly bucketKeyEnabled?: boolean;
}

/** What will be done. */
export type ObjectEncryption =
  | { readonly algorithm: 'AES256' }
  | {
      readonly algorithm: 'aws:kms';
      /** Undefined means the account's alias/aws/s3. */
      readonly kmsKeyId: string | undefined;
      readonly bucketKeyEnabled: boolean;
      /** The caller's pairs, without the one that S3 adds. */
      readonly context: Readonly<Record<string, string>>;
    };

type Header = (name: string) => string | undefined;

const SSE = 'x-amz-server-side-encryption';
const CONTEXT_PAIR = 'aws:s3:arn';

/**
 * Reads the encryption headers of a request that makes an object.
 *
 * @throws {S3Error} InvalidArgument, or NotImplemented for what is not offered
 */
export function readRequestedEncryption(header: Header): RequestedEncryption {
  const algorithm = readAlgorithm(header(SSE));
  const kmsKeyId = header(`${SSE}-aws-kms-key-id`);
  const context = header(`${SSE}-context`);
  const bucketKey = header(`${SSE}-bucket-key-enabled`);
  if (algorithm !== 'aws:kms' && (kmsKeyId !== undefined || context !== undefined)) {
    throw new S3Error(
      'InvalidArgument',
      'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
      { ArgumentName: SSE, ArgumentValue: header(SSE) ?? 'null' },
    );
  }
  return {
    ...(algorithm ? { algorithm } : {}),
    ...(kmsKeyId === undefined ? {} : { kmsKeyId }),
    ...(context === undefined ? {} : { context: readContext(context) }),
    ...(bucketKey === undefined ? {} : { bucketKeyEnabled: readFlag(bucketKey) }),
  };
}

function readAlgorithm(value: string | undefined): 'AES256' | 'aws:kms' | undefined {
  if (value === undefined || value === 'AES256' || value === 'aws:kms') return value;
  if (value === 'aws:kms:dsse' || value === 'aws:fsx' || value === 'aws:backup') {
    throw new S3Error('NotImplemented', `Server-side encryption with ${value} is not implemented`, { Header: SSE });
  }
  const details = { ArgumentName: SSE, ArgumentValue: value };
  throw new S3Error('InvalidArgument', 'The encryption method specified is not supported', details);
}

function readFlag(value: string): boolean {
  if (/^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
  const name = `${SSE}-bucket-key-enabled`;
  throw new S3Error('InvalidArgument', `The value specified for ${name} header is invalid`, {
    ArgumentName: name,
    ArgumentValue: value,
  });
}

function readContext(value: string): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value, 'base64').toString('utf8'));
    if (isStringMap(parsed)) return parsed;
  } catch {
    // Falls through to the one sentence for all that is not base64 of a JSON map of strings.
  }
  throw new S3Error(
    'InvalidArgument',
    'The header x-amz-server-side-encryption-context shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map',
    {
      ArgumentName: `${SSE}-context`,
      ArgumentValue: value.slice(0, 256),
    },
  );
}

function isStringMap(value: unknown): value is Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((item) => typeof item === 'string');
}

/** The request beats the bucket; a bucket's Bucket Key setting counts only where the request says nothing about it. */
export function chooseEncryption(requested: RequestedEncryption, bucket: BucketEncryption): ObjectEncryption {
  const algorithm = requested.algorithm ?? bucket.algorithm;
  if (algorithm === 'AES256') return { algorithm };
  const kmsKeyId = requested.algorithm ? requested.kmsKeyId : bucket.kmsKeyId;
  return {
    algorithm,
    kmsKeyId,
    bucketKeyEnabled: requested.bucketKeyEnabled ?? bucket.bucketKeyEnabled,
    context: requested.context ?? {},
  };
}

/**
 * The encryption context that KMS sees: the caller's pairs and the ARN of the object, or of the bucket with a Bucket
 * Key.
 *
 * @throws {S3Error} InvalidArgument when the caller gives another value for S3's own pair
 */
export function kmsContext(
  bucket: string,
  key: string,
  encryption: Extract<ObjectEncryption, { algorithm: 'aws:kms' }>,
): Record<string, string> {
  const arn = encryption.bucketKeyEnabled ? bucketArn(bucket) : objectArn(bucket, key);
  // Condition keys know no case: another spelling would stand for S3's own pair in a key policy.
  const foreign = Object.entries(encryption.context).some(
    ([name, value]) => name.toLowerCase() === CONTEXT_PAIR && (name !== CONTEXT_PAIR || value !== arn),
  );
  if (foreign) {
    throw new S3Error('InvalidArgument', `The value of ${CONTEXT_PAIR} in the encryption context must be ${arn}`, {
      ArgumentName: `${SSE}-context`,
    });
  }
  return { ...encryption.context, [CONTEXT_PAIR]: arn };
}

/** SSE headers that a request without a new object must not carry (S3 answers 400, never ignores them). */
export function refuseEncryptionHeaders(names: Iterable<string>): void {
  for (const name of names) {
    if (!name.startsWith(SSE) || name.startsWith(`${SSE}-customer-`)) continue;
    throw new S3Error('InvalidArgument', `${name} header is not supported for this operation.`, { ArgumentName: name });
  }
}
