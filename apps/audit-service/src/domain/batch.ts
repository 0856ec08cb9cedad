import { leafFrameBytes, writeLeaf } from './leaf.js';
import { append, encodeFrontier, type Frontier, hashBytes, leafHash, rootOf } from './merkle.js';
import { encodeOffsets, Postings } from './postings.js';
import { type Indexed, termsOf } from './terms.js';

/** A record on its way into the journal. */
export interface Incoming extends Indexed {
  /** UUID. */
  readonly eventId: string;
  /** Milliseconds since 1970. */
  readonly eventTimeMs: number;
  /** RFC 8785 JSON in UTF-8. */
  readonly record: Uint8Array;
  /** True when the record's own "resources" member lists the same. */
  readonly resourcesInRecord: boolean;
}

/** Slices of one buffer, for SQL: `starts` count from 1. */
export interface Slices {
  readonly bytes: Buffer;
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
}

/** Everything that one transaction writes. */
export interface Batch {
  /** The tree's size before, which is also the index of the first leaf. */
  readonly first: number;
  readonly next: Frontier;
  readonly root: Buffer;
  readonly frontier: Buffer;
  /** RFC 3339 with milliseconds. */
  readonly time: string;
  readonly eventIds: readonly string[];
  readonly bodies: Slices;
  /** 32 bytes for each leaf. */
  readonly leaves: Buffer;
  readonly resources: readonly (string | null)[];
  readonly terms: readonly bigint[];
  readonly seconds: readonly number[];
  readonly members: Slices;
}

/** Lays records out as leaves behind `tree`; pure. `nowMs` must not lie before the newest leaf's time. */
export function makeBatch(tree: Frontier, records: readonly Incoming[], nowMs: number): Batch {
  const time = new Date(nowMs).toISOString();
  const bodies = layOut(records, tree.size, time);
  const hashes = bodies.starts.map((start, n) =>
    leafHash(bodies.bytes.subarray(start - 2, start - 1 + (bodies.lengths[n] ?? 0))),
  );
  const next = append(tree, hashes);
  return {
    first: tree.size,
    next,
    root: rootOf(next),
    frontier: encodeFrontier(next),
    time,
    eventIds: records.map((record) => record.eventId),
    bodies,
    leaves: Buffer.concat(hashes, hashes.length * hashBytes),
    resources: records.map(ownResources),
    ...index(records),
  };
}

/** One buffer: each leaf stands behind the zero byte that its hash begins with, so that it is copied only once. */
function layOut(records: readonly Incoming[], first: number, time: string): Slices {
  const room = records.reduce((sum, { record }) => sum + record.length, records.length * (leafFrameBytes + 1));
  const bytes = Buffer.allocUnsafe(room);
  const starts: number[] = [];
  const lengths: number[] = [];
  let at = 0;
  records.forEach(({ record }, n) => {
    bytes[at] = 0;
    const end = writeLeaf(bytes, at + 1, record, first + n, time);
    starts.push(at + 2);
    lengths.push(end - at - 1);
    at = end;
  });
  return { bytes: bytes.subarray(0, at), starts, lengths };
}

function ownResources({ resources, resourcesInRecord }: Incoming): string | null {
  if (resourcesInRecord || resources.length === 0) return null;
  return JSON.stringify(resources.map(({ type, name }) => ({ type, name })));
}

function index(records: readonly Incoming[]): Pick<Batch, 'terms' | 'seconds' | 'members'> {
  const postings = new Postings();
  records.forEach((record, n) => {
    postings.add(Math.floor(record.eventTimeMs / 1000), termsOf(record), n);
  });
  const list = postings.list();
  const parts = list.map(({ offsets }) => encodeOffsets(offsets));
  const starts: number[] = [];
  let at = 1;
  for (const { length } of parts) {
    starts.push(at);
    at += length;
  }
  const members = { bytes: Buffer.concat(parts), starts, lengths: parts.map(({ length }) => length) };
  return { terms: list.map(({ term }) => term), seconds: list.map((posting) => posting.at), members };
}
