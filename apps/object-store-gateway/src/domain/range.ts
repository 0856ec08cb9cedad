import { S3Error } from './s3-error.js';

/** Bytes [from, to) of an object. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/**
 * Reads a Range header (RFC 9110 §14.1.2) against an object of `size` bytes. Undefined means the whole object: no
 * header, another unit, several ranges or a syntax error, all of which S3 answers with 200.
 *
 * @throws {S3Error} InvalidRange when no byte of the range exists
 */
export function readRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (!match) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? undefined : suffix(Number(last), size, header ?? '');
  const from = Number(first);
  const to = last === '' ? size : Math.min(Number(last) + 1, size);
  if (last !== '' && Number(last) < from) return undefined;
  if (from >= size) throw unsatisfiable(header ?? '', size);
  return { from, to };
}

function suffix(length: number, size: number, header: string): ByteRange {
  if (length === 0 || size === 0) throw unsatisfiable(header, size);
  return { from: Math.max(0, size - length), to: size };
}

function unsatisfiable(header: string, size: number): S3Error {
  return new S3Error('InvalidRange', undefined, { RangeRequested: header, ActualObjectSize: String(size) });
}

/**
 * Reads the range of CopySource (`bytes=first-last`, both required and inside the source).
 *
 * @throws {S3Error} InvalidArgument
 */
export function readCopyRange(header: string | undefined, size: number): ByteRange {
  if (header === undefined) return { from: 0, to: size };
  const match = /^bytes=(\d+)-(\d+)$/.exec(header);
  const from = Number(match?.[1]);
  const to = Number(match?.[2]) + 1;
  if (match && from < to && to <= size) return { from, to };
  throw new S3Error(
    'InvalidArgument',
    'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy',
    { ArgumentName: 'x-amz-copy-source-range', ArgumentValue: header },
  );
}
