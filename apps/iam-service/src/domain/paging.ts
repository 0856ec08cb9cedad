import { KeysteadError } from '@keystead/errors';
import { constraint } from './fields.js';

/** Which part of a list is asked for: at most `limit` items whose keys come after `after`. */
export interface Page {
  readonly limit: number;
  readonly after: string;
}

/** Reads Marker and MaxItems (1 to 1,000, default 100). */
export function readPage(request: { marker?: string | undefined; maxItems?: number | undefined }): Page {
  return {
    limit: readMaxItems(request.maxItems),
    after: request.marker === undefined ? '' : readMarker(request.marker),
  };
}

function readMaxItems(maxItems = 100): number {
  if (maxItems < 1) throw constraint('maxItems', maxItems, 'have value greater than or equal to 1');
  if (maxItems > 1000) throw constraint('maxItems', maxItems, 'have value less than or equal to 1000');
  return maxItems;
}

function readMarker(marker: string): string {
  const bytes = Buffer.from(marker, 'base64url');
  if (marker.length > 1024 || bytes[0] !== 1 || bytes.toString('base64url') !== marker) {
    throw new KeysteadError('Validation', `Invalid Marker: ${marker.slice(0, 128)}`);
  }
  return bytes.subarray(1).toString();
}

/** The marker behind an item: opaque, so that the order may change one day (the first byte is its format). */
function writeMarker(key: string): string {
  return Buffer.concat([Buffer.of(1), Buffer.from(key)]).toString('base64url');
}

/** One page as IAM answers it. */
export interface Paged<T> {
  readonly items: T[];
  readonly isTruncated: boolean;
  readonly marker: string | undefined;
}

/** Cuts `rows`, of which one more than the limit was read, where there are so many. */
export function paged<T>(rows: readonly T[], page: Page, keyOf: (row: T) => string): Paged<T> {
  const items = rows.slice(0, page.limit);
  const last = items.at(-1);
  const isTruncated = rows.length > page.limit && last !== undefined;
  return { items, isTruncated, marker: isTruncated ? writeMarker(keyOf(last)) : undefined };
}

/** Pages through a list that is all in memory. */
export function pageOf<T>(all: readonly T[], page: Page, keyOf: (item: T) => string): Paged<T> {
  const sorted = [...all].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return paged(sorted.filter((item) => keyOf(item) > page.after).slice(0, page.limit + 1), page, keyOf);
}
