import { join } from 'node:path';
import { isBlobName } from '../../domain/blob-name.js';

/** Where a blob's file is. */
export interface BlobPath {
  readonly folder: string;
  readonly file: string;
}

const ENDING = '.sealed';
/** Digits of the folder's name: blob names begin with the time, so a folder fills for an hour and then rests. */
const FOLDER_DIGITS = 5;

/** `<root>/<bucket>/<first digits>/<all digits>.sealed`. */
export function blobPath(root: string, blob: string): BlobPath {
  if (!isBlobName(blob)) throw new RangeError('not the name of a blob');
  const slash = blob.indexOf('/');
  const digits = blob.slice(slash + 1);
  const folder = join(root, blob.slice(0, slash), digits.slice(0, FOLDER_DIGITS));
  return { folder, file: join(folder, digits + ENDING) };
}

/** The blob that a file of bucket `bucket` holds. */
export function blobOfFile(bucket: string, file: string): string | undefined {
  const blob = `${bucket}/${file.slice(0, -ENDING.length)}`;
  return file.endsWith(ENDING) && isBlobName(blob) ? blob : undefined;
}
