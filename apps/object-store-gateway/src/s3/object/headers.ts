import { DEFAULT_ENCRYPTION } from '../../domain/encryption.js';
import type { KeptHeaders, ObjectRecord, StoredEncryption } from '../../domain/object.js';
import { S3Error } from '../../domain/s3-error.js';
import type { S3Request } from '../http/request.js';

const KEPT = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
];
const META = 'x-amz-meta-';
const MOST_METADATA = 2048;

/**
 * The headers that an object keeps.
 *
 * @throws {S3Error} MetadataTooLarge
 */
export function keptHeaders(request: S3Request): KeptHeaders {
  const kept: Record<string, string> = {};
  let bytes = 0;
  for (const [name, value] of request.headers) {
    if (name.startsWith(META)) bytes += name.length - META.length + Buffer.byteLength(value);
    else if (!KEPT.includes(name)) continue;
    const text = name === 'content-encoding' ? withoutChunked(value) : value;
    if (text !== '') kept[name] = text;
  }
  if (bytes > MOST_METADATA) {
    throw new S3Error('MetadataTooLarge', undefined, { Size: String(bytes), MaxSizeAllowed: String(MOST_METADATA) });
  }
  return { 'content-type': 'binary/octet-stream', ...kept };
}

/** aws-chunked is how the body travelled, not what the object is. */
function withoutChunked(encoding: string): string {
  const codings = encoding.split(',').map((coding) => coding.trim());
  return codings.filter((coding) => coding !== '' && coding.toLowerCase() !== 'aws-chunked').join(',');
}

/** What every answer about an encrypted object says; the service's own key stays unnamed. */
export function encryptionHeaders({ algorithm, keyArn, bucketKeyEnabled }: StoredEncryption): Record<string, string> {
  if (algorithm === DEFAULT_ENCRYPTION.algorithm) return { 'x-amz-server-side-encryption': algorithm };
  return {
    'x-amz-server-side-encryption': algorithm,
    'x-amz-server-side-encryption-aws-kms-key-id': keyArn,
    ...(bucketKeyEnabled ? { 'x-amz-server-side-encryption-bucket-key-enabled': 'true' } : {}),
  };
}

/** The caller's own pairs, base64 of JSON, as PUT answers them; nothing when there were none. */
export function contextHeader({ algorithm, context }: StoredEncryption): Record<string, string> {
  const own = Object.entries(context).filter(([name]) => name !== 'aws:s3:arn');
  if (algorithm !== 'aws:kms' || own.length === 0) return {};
  const json = JSON.stringify(Object.fromEntries(own));
  return { 'x-amz-server-side-encryption-context': Buffer.from(json, 'utf8').toString('base64') };
}

export const quoted = (etag: string): string => `"${etag}"`;

export function checksumHeaders({ checksum }: Pick<ObjectRecord, 'checksum'>): Record<string, string> {
  if (!checksum) return {};
  return {
    [`x-amz-checksum-${checksum.algorithm.toLowerCase()}`]: checksum.value,
    'x-amz-checksum-type': checksum.type,
  };
}

const OVERRIDES = [
  'content-type',
  'content-language',
  'expires',
  'cache-control',
  'content-disposition',
  'content-encoding',
];

/** The headers of GET and HEAD: what was kept, changed by the `response-*` parameters of a signed request. */
export function objectHeaders(request: S3Request, record: ObjectRecord): Record<string, string> {
  const headers: Record<string, string> = { ...record.headers };
  for (const name of OVERRIDES) {
    const value = request.query.get(`response-${name}`);
    if (value !== undefined) headers[name] = checkedHeader(value);
  }
  headers['accept-ranges'] = 'bytes';
  headers['etag'] = quoted(record.etag);
  headers['last-modified'] = new Date(record.modified).toUTCString();
  return Object.assign(headers, encryptionHeaders(record.encryption));
}

function checkedHeader(value: string): string {
  if (/^[\t\u0020-\u007e\u00a0-\u00ff]*$/.test(value)) return value;
  throw new S3Error('InvalidArgument', 'Header value cannot be represented using ISO-8859-1.');
}

/** The conditional headers of a request; with `prefix` those about the source of a copy. */
export function conditionsOf(request: S3Request, prefix = '') {
  return {
    ifMatch: request.header(`${prefix}if-match`),
    ifNoneMatch: request.header(`${prefix}if-none-match`),
    ifModifiedSince: request.header(`${prefix}if-modified-since`),
    ifUnmodifiedSince: request.header(`${prefix}if-unmodified-since`),
  };
}
