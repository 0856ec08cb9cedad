import { eventOf, type StoredEvent, type StoredLeaf } from './event.js';

/** A place in the order of look-ups, newest first: by second of event time, then by index. Exclusive. */
export interface Position {
  readonly at: number;
  readonly index: number;
}

/** Where every look-up without a token begins. */
export const newest: Position = { at: Number.MAX_SAFE_INTEGER, index: Number.MAX_SAFE_INTEGER };

export interface PostingRow {
  readonly at: number;
  readonly batch: number;
  /** Offsets from `batch`, ascending. */
  readonly offsets: readonly number[];
}

/** What look-ups read; each answer is newest first. */
export interface Reader {
  /** Rows of these terms within these seconds (inclusive), in a batch that begins before `before`. */
  postings(terms: readonly bigint[], from: number, to: number, before: Position, limit: number): Promise<PostingRow[]>;
  /** In any order. */
  leaves(indexes: readonly number[]): Promise<StoredLeaf[]>;
  /** The newest leaves below an index. */
  newestLeaves(below: number, limit: number): Promise<StoredLeaf[]>;
  /** The leaf of an event id (a UUID). */
  byEventId(eventId: string): Promise<StoredLeaf | undefined>;
  /** Leaves below it are hidden (Reset in test mode). */
  floor(): Promise<number>;
}

/** What is looked for. */
export interface Query {
  /** Terms that together hold every match; at most one for each category. */
  readonly terms: readonly bigint[];
  /** Seconds since 1970, inclusive. */
  readonly from: number;
  readonly to: number;
  readonly matches: (event: StoredEvent) => boolean;
}

export interface Page {
  readonly events: StoredEvent[];
  /** Where the next page begins; absent on the last. */
  readonly next?: Position;
}

const rowsAtOnce = 64;
/** A page ends after this many records read, full or not, so that no search holds the journal up. */
const maxRead = 5_000;

/** One page of a look-up by terms. */
export async function pageOf(reader: Reader, query: Query, start: Position, limit: number): Promise<Page> {
  const floor = await reader.floor();
  const events: StoredEvent[] = [];
  let read = 0;
  for (let before = start; ;) {
    const rows = await reader.postings(query.terms, query.from, query.to, before, rowsAtOnce);
    const groups = groupsOf(rows);
    // The last group may have been cut; the next round begins with it.
    if (rows.length === rowsAtOnce && groups.length > 1) groups.pop();
    const places = groups.flatMap((group) => placesOf(group, start, floor));
    for (let n = 0; n < places.length;) {
      const some = places.slice(n, n + Math.max(limit + 1 - events.length, 16));
      n += some.length;
      read += some.length;
      events.push(...(await readAll(reader, some)).filter(query.matches));
      if (events.length > limit) return cut(events, limit);
      const last = some.at(-1);
      if (read >= maxRead && last) return { events, next: last };
    }
    const last = groups.at(-1);
    if (!last || rows.length < rowsAtOnce) return { events };
    before = { at: last.at, index: last.batch };
  }
}

/** One page of a search over everything, newest leaf first. */
export async function scan(reader: Reader, query: Omit<Query, 'terms'>, start: Position, limit: number): Promise<Page> {
  const floor = await reader.floor();
  const events: StoredEvent[] = [];
  let below = start.index;
  for (let read = 0; read < maxRead;) {
    const leaves = await reader.newestLeaves(below, 500);
    const found = leaves.filter(({ index }) => index >= floor).map(eventOf);
    events.push(...found.filter((event) => within(event, query) && query.matches(event)));
    if (events.length > limit) return cut(events, limit);
    const last = found.at(-1);
    if (!last || found.length < 500) return { events };
    below = last.index;
    read += leaves.length;
  }
  return { events, next: { at: 0, index: below } };
}

function within(event: StoredEvent, { from, to }: { from: number; to: number }): boolean {
  const at = event.eventTimeMs / 1000;
  return at >= from && at <= to;
}

function cut(events: StoredEvent[], limit: number): Page {
  const shown = events.slice(0, limit);
  const last = shown.at(-1);
  return last ? { events: shown, next: positionOf(last) } : { events: shown };
}

function positionOf({ eventTimeMs, index }: StoredEvent): Position {
  return { at: Math.floor(eventTimeMs / 1000), index };
}

interface Group {
  readonly at: number;
  readonly batch: number;
  readonly offsets: number[];
}

/** Rows of several terms for the same second and batch become one. */
function groupsOf(rows: readonly PostingRow[]): Group[] {
  const groups: Group[] = [];
  for (const { at, batch, offsets } of rows) {
    const last = groups.at(-1);
    if (last?.at === at && last.batch === batch) last.offsets.push(...offsets);
    else groups.push({ at, batch, offsets: [...offsets] });
  }
  return groups;
}

/** Newest first, only what lies behind the start and above the floor. */
function placesOf({ at, batch, offsets }: Group, start: Position, floor: number): Position[] {
  const end = at === start.at ? start.index : Number.MAX_SAFE_INTEGER;
  return [...new Set(offsets)]
    .sort((a, b) => b - a)
    .map((offset) => ({ at, index: batch + offset }))
    .filter(({ index }) => index < end && index >= floor);
}

async function readAll(reader: Reader, places: readonly Position[]): Promise<StoredEvent[]> {
  const leaves = await reader.leaves(places.map(({ index }) => index));
  const byIndex = new Map(leaves.map((leaf) => [leaf.index, leaf]));
  return places.flatMap(({ index }) => {
    const leaf = byIndex.get(index);
    return leaf ? [eventOf(leaf)] : [];
  });
}
