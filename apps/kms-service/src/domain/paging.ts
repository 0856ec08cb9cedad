import { KeysteadError } from '@keystead/errors';

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page starts; absent on the last. */
  readonly nextMarker: string | undefined;
}

/** Reads the position in a marker that `pageOf` made for this list and account. Errors: InvalidMarker. */
export function readMarker(list: string, marker: string | undefined): string | undefined {
  if (marker === undefined) return undefined;
  const text = Buffer.from(marker, 'base64url').toString();
  const prefix = `${list}\n`;
  // Encoded again, because decoding ignores what is not base64url. No position has U+0000, and no query takes it.
  const isOurs = text.startsWith(prefix) && !text.includes('\u0000');
  if (!isOurs || Buffer.from(text).toString('base64url') !== marker) {
    throw new KeysteadError('InvalidMarker', 'Could not deserialize marker');
  }
  return text.slice(prefix.length);
}

/** Cuts a page from rows that were read with one row more than `limit`. `position` must fit `readMarker`'s answer. */
export function pageOf<T>(list: string, rows: readonly T[], limit: number, position: (row: T) => string): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items, nextMarker: more ? Buffer.from(`${list}\n${position(last)}`).toString('base64url') : undefined };
}
