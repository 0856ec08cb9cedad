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

/**
 * The stored part that a named one means.
 *
 * @throws {S3Error} InvalidPart when there is none, or its ETag or checksum is another
 */
export function choosePart<
  P extends { readonly number: number; readonly etag: string; readonly checksum: string | undefined },
>(named: NamedPart, kept: readonly P[], uploadId: string): P {
  const part = kept.find(({ number }) => number === named.number);
  const checksums = Object.values(named.checksums);
  if (part?.etag === named.etag && checksums.every((value) => part.checksum === undefined || value === part.checksum))
    return part;
  throw new S3Error('InvalidPart', undefined, {
    UploadId: uploadId,
    PartNumber: String(named.number),
    ETag: named.etag,
  });
}
