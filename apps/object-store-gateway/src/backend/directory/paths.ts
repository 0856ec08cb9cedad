import { join } from 'node:path';
import { isBlobName } from '../../domain/blob-name.js';

/** Where a blob's files are: `<root>/<bucket>/<first two digits>/<digits>` with `.sealed` or `.record` behind. */
export interface BlobPaths {
  readonly folder: string;
  readonly data: string;
  readonly record: string;
}

const DATA = '.sealed';
const RECORD = '.record';

export function blobPaths(root: string, blob: string): BlobPaths {
  if (!isBlobName(blob)) throw new RangeError('not the name of a blob');
  const slash = blob.indexOf('/');
  const digits = blob.slice(slash + 1);
  const folder = join(root, blob.slice(0, slash), digits.slice(0, 2));
  return { folder, data: join(folder, digits + DATA), record: join(folder, digits + RECORD) };
}

/** The blob that a file of bucket `bucket` belongs to, and which of its two files it is. */
export function blobOfFile(bucket: string, file: string): { blob: string; kind: 'data' | 'record' } | undefined {
  const kind = file.endsWith(DATA) ? 'data' : file.endsWith(RECORD) ? 'record' : undefined;
  const blob = `${bucket}/${file.slice(0, file.lastIndexOf('.'))}`;
  return kind && isBlobName(blob) ? { blob, kind } : undefined;
}
