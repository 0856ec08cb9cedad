/** An entry of a listing: a key, or all keys with a common beginning up to a delimiter. */
export type Listed<T> = { readonly object: T } | { readonly prefix: string };

/** One page of a listing. */
export interface Page<T> {
  readonly entries: readonly Listed<T>[];
  /** The last key or prefix of the page, when there is more. */
  readonly next: string | undefined;
}

/** What is asked for. */
export interface ListQuery {
  readonly prefix: string;
  /** Empty for none. */
  readonly delimiter: string;
  /** The page begins behind this key or prefix. */
  readonly after: string;
  readonly limit: number;
}

/** Reads keys in the order of their bytes, from `from` (inclusive or not) up to `before`. */
export type ReadKeys<T> = (
  range: { readonly after: Buffer; readonly inclusive: boolean; readonly before: Buffer | undefined },
  limit: number,
) => Promise<readonly T[]>;

/**
 * Collects one page. Keys with a common prefix are skipped by asking for the first key behind them, so the cost does
 * not grow with how many they are.
 */
export async function collectPage<T extends { readonly key: string }>(
  query: ListQuery,
  read: ReadKeys<T>,
): Promise<Page<T>> {
  const { prefix, delimiter, limit } = query;
  if (limit === 0) return { entries: [], next: undefined };
  const before = prefix === '' ? undefined : behindPrefix(Buffer.from(prefix, 'utf8'));
  const entries: Listed<T>[] = [];
  let start = startOf(query);
  for (;;) {
    const rows = await read({ ...start, before }, limit + 1 - entries.length);
    let skipTo: Buffer | undefined;
    for (const row of rows) {
      const common = commonPrefix(row.key, prefix, delimiter);
      if (entries.length === limit) return { entries, next: nameOf(entries.at(-1)) };
      entries.push(common === undefined ? { object: row } : { prefix: common });
      if (common === undefined) continue;
      skipTo = behindPrefix(Buffer.from(common, 'utf8'));
      break;
    }
    if (!skipTo) return { entries, next: undefined };
    start = { after: skipTo, inclusive: true };
  }
}

function startOf({ prefix, delimiter, after }: ListQuery): { after: Buffer; inclusive: boolean } {
  const first = Buffer.from(prefix, 'utf8');
  const from = Buffer.from(after, 'utf8');
  if (after === '' || Buffer.compare(from, first) < 0) return { after: first, inclusive: true };
  // A page that ended with a common prefix goes on behind all of its keys.
  const endedWithPrefix =
    delimiter !== '' && after.startsWith(prefix) && commonPrefix(after, prefix, delimiter) === after;
  const behind = endedWithPrefix ? behindPrefix(from) : undefined;
  return behind ? { after: behind, inclusive: true } : { after: from, inclusive: false };
}

function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '') return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}

/** The first byte string behind all that begin with `prefix`; undefined when there is none. */
export function behindPrefix(prefix: Buffer): Buffer | undefined {
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === 0xff) end--;
  if (end === 0) return undefined;
  const behind = Buffer.from(prefix.subarray(0, end));
  behind[end - 1] = (behind[end - 1] ?? 0) + 1;
  return behind;
}

function nameOf<T extends { readonly key: string }>(entry: Listed<T> | undefined): string | undefined {
  if (!entry) return undefined;
  return 'prefix' in entry ? entry.prefix : entry.object.key;
}
