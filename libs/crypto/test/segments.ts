import { HEADER_SIZE, OBJECT_V1, RangeReader, SegmentOpener, SegmentSealer, planRange } from '../src/stream.js';
import { plainLength } from '../src/stream.js';
import type { Profile } from '../src/stream.js';

/** Seals `plain`, fed in pieces of the given sizes, over and over. */
export function seal(key: Uint8Array, context: Uint8Array, plain: Uint8Array, pieces = [65_536], salt?: Uint8Array) {
  return sealAs(OBJECT_V1, key, context, plain, pieces, salt);
}

export function sealAs(
  profile: Profile,
  key: Uint8Array,
  context: Uint8Array,
  plain: Uint8Array,
  pieces: readonly number[],
  salt?: Uint8Array,
): Buffer {
  const sealer = new SegmentSealer(key, context, { profile, ...(salt ? { salt } : {}) });
  const out: Uint8Array[] = [sealer.header];
  for (const piece of cut(plain, pieces)) sealer.update(piece, out);
  sealer.final(out);
  return Buffer.concat(out);
}

/** Opens plaintext bytes [from, to) of a segment, fed in pieces of the given sizes. */
export function open(
  key: Uint8Array,
  context: Uint8Array,
  sealed: Uint8Array,
  { from = 0, to, pieces = [1_000_000], profile = OBJECT_V1 }: OpenOptions = {},
): Buffer {
  const opener = new SegmentOpener(key, context, sealed.subarray(0, HEADER_SIZE), profile);
  const total = plainLength(sealed.length, profile);
  const plan = planRange(total, from, to ?? total, profile);
  const reader = new RangeReader(opener, plan, profile);
  const out: Uint8Array[] = [];
  for (const piece of cut(sealed.subarray(plan.start, plan.end), pieces)) reader.update(piece, out);
  reader.final();
  return Buffer.concat(out);
}

export interface OpenOptions {
  readonly from?: number;
  readonly to?: number;
  readonly pieces?: readonly number[];
  readonly profile?: Profile;
}

function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? 1);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
