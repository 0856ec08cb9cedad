import { S3Error } from './s3-error.js';

/** A part as a CompleteMultipartUpload request names it. */
export interface AskedPart {
  readonly number: string;
  readonly etag: string;
  /** Base64 by algorithm. */
  readonly checksums: Readonly<Record<string, string>>;
}

/** The same, checked. */
export interface NamedPart {
  readonly number: number;
  /** Without quotes. */
  readonly etag: string;
  readonly checksums: AskedPart['checksums'];
}

/**
 * Checks the list of parts.
 *
 * @throws {S3Error} MalformedXML, InvalidPartOrder
 */
export function readPartList(asked: readonly AskedPart[]): NamedPart[] {
  if (asked.length === 0 || asked.length > 10_000) throw new S3Error('MalformedXML');
  let last = 0;
  return asked.map(({ number, etag, checksums }) => {
    if (!/^\d{1,5}$/.test(number) || etag === '') throw new S3Error('MalformedXML');
    if (Number(number) <= last) throw new S3Error('InvalidPartOrder');
    last = Number(number);
    return { number: last, etag: etag.replace(/^"(.*)"$/, '$1'), checksums };
  });
}

/** What is compared of a stored part. */
interface KeptPart {
  readonly number: number;
  readonly etag: string;
  readonly checksum: string | undefined;
}

/**
 * The stored parts that the named ones mean, in their order.
 *
 * @throws {S3Error} InvalidPart when one is not there, or its ETag or checksum is another
 */
export function chooseParts<P extends KeptPart>(
  named: readonly NamedPart[],
  kept: readonly P[],
  uploadId: string,
): P[] {
  const byNumber = new Map(kept.map((part) => [part.number, part]));
  return named.map(({ number, etag, checksums }) => {
    const part = byNumber.get(number);
    if (part?.etag === etag && Object.values(checksums).every((value) => fits(part, value))) return part;
    throw invalidPart({ number, etag }, uploadId);
  });
}

/** A part that is not there (any more). */
export function invalidPart({ number, etag }: Pick<NamedPart, 'number' | 'etag'>, uploadId: string): S3Error {
  return new S3Error('InvalidPart', undefined, { UploadId: uploadId, PartNumber: String(number), ETag: etag });
}

/** A part that was stored without a checksum is not held against one. */
const fits = ({ checksum }: KeptPart, value: string): boolean => checksum === undefined || value === checksum;
