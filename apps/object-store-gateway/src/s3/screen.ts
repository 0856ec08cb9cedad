import { refuseEncryptionHeaders } from '../domain/encryption.js';
import { S3Error } from '../domain/s3-error.js';
import type { RequestHead } from './http/request.js';
import type { Operation } from './operation.js';

/** Operations whose SSE headers are read; in all others they are errors. */
const ENCRYPTING: ReadonlySet<string> = new Set(['PutObject', 'CopyObject', 'CreateMultipartUpload']);

/** The SSE headers that are read. */
const SSE: ReadonlySet<string> = new Set([
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-bucket-key-enabled',
  'x-amz-server-side-encryption-context',
]);

/** Headers that decide what is done, and are read only as headers. */
const ONLY_HEADERS: ReadonlySet<string> = new Set([
  'x-amz-copy-source',
  'x-amz-expected-bucket-owner',
  'x-amz-source-expected-bucket-owner',
]);

/** Headers that change what is stored, or who may see it, and are not offered. */
const UNSUPPORTED = [
  /^x-amz-(copy-source-)?server-side-encryption-customer-/,
  /^x-amz-grant-/,
  /^x-amz-object-lock-/,
  /^x-amz-mfa$/,
  /^x-amz-tagging$/,
  /^x-amz-website-redirect-location$/,
  /^x-amz-write-offset-bytes$/,
  /^x-amz-bypass-governance-retention$/,
  /^x-amz-rename-source/,
];

/** Headers that are offered with these values only. */
const VALUES: Readonly<Record<string, RegExp>> = {
  'x-amz-acl': /^(private|bucket-owner-full-control)$/,
  'x-amz-bucket-object-lock-enabled': /^false$/i,
  'x-amz-object-ownership': /^BucketOwnerEnforced$/,
  'x-amz-storage-class': /^STANDARD$/,
  'x-amz-tagging-directive': /^COPY$/,
};

/**
 * Refuses what would otherwise be silently ignored: headers, and parameters into which a presigned request may have put
 * them, where only those of the signature are read.
 *
 * @throws {S3Error} NotImplemented by the header's name, or InvalidArgument
 */
export function screen(
  { headers, query, bucket }: RequestHead,
  operation: Operation,
  account: string | undefined,
): void {
  for (const [name, value] of headers) if (isRefused(name, value)) throw notImplemented(name);
  for (const [parameter, value] of query) {
    const name = parameter.toLowerCase();
    if (SSE.has(name) || ONLY_HEADERS.has(name) || isRefused(name, value)) throw notImplemented(parameter);
  }
  if (!ENCRYPTING.has(operation.name)) refuseEncryptionHeaders(headers.keys());
  checkOwner(headers.get('x-amz-expected-bucket-owner'), account, bucket);
}

function isRefused(name: string, value: string): boolean {
  if (!name.startsWith('x-amz-')) return false;
  if (name.startsWith('x-amz-server-side-encryption') && !SSE.has(name)) return true;
  if (Object.hasOwn(VALUES, name) && !VALUES[name]?.test(value)) return true;
  return UNSUPPORTED.some((pattern) => pattern.test(name));
}

/** Refuses a bucket of another account than the caller means. */
export function checkOwner(
  expected: string | undefined,
  account: string | undefined,
  bucket: string | undefined,
): void {
  if (expected === undefined || account === undefined || expected === account) return;
  throw new S3Error('AccessDenied', undefined, bucket === undefined ? {} : { BucketName: bucket });
}

function notImplemented(header: string): S3Error {
  const message = 'A header you provided implies functionality that is not implemented';
  return new S3Error('NotImplemented', `${message}: ${header}`, { Header: header });
}
