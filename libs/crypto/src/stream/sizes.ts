import { SegmentError } from './errors.js';
import { HEADER_SIZE, OBJECT_V1, TAG_SIZE } from './profile.js';
import type { Profile } from './profile.js';

/** Bytes of a segment with `plainLength` bytes of plaintext. */
export function sealedLength(plainLength: number, { chunkSize }: Profile = OBJECT_V1): number {
  const whole = Math.floor(plainLength / chunkSize);
  return HEADER_SIZE + whole * (chunkSize + TAG_SIZE) + (plainLength % chunkSize) + TAG_SIZE;
}

/**
 * Bytes of plaintext in a segment of `sealedLength` bytes.
 *
 * @throws {SegmentError} when no segment has that length
 */
export function plainLength(sealed: number, { chunkSize }: Profile = OBJECT_V1): number {
  const body = sealed - HEADER_SIZE;
  const last = body % (chunkSize + TAG_SIZE);
  if (body < TAG_SIZE || last < TAG_SIZE) throw new SegmentError('the segment is cut short');
  return Math.floor(body / (chunkSize + TAG_SIZE)) * chunkSize + last - TAG_SIZE;
}

/** Which bytes of a segment a range of its plaintext needs. */
export interface RangePlan {
  /** The first chunk of the range. */
  readonly firstChunk: number;
  /** The first byte to read, counted from the start of the segment. */
  readonly start: number;
  /** One behind the last byte to read. */
  readonly end: number;
  /** Plaintext bytes to drop from the first chunk. */
  readonly skip: number;
  /** Plaintext bytes of the range. */
  readonly length: number;
}

/**
 * Plans the read of plaintext bytes [from, to) of a segment with `total` plaintext bytes. A range that reaches the end
 * includes the last chunk even when that chunk is empty, because only it proves that nothing was cut off.
 */
export function planRange(total: number, from: number, to: number, profile: Profile = OBJECT_V1): RangePlan {
  if (from < 0 || to < from || to > total) throw new RangeError('range outside the segment');
  const { chunkSize } = profile;
  const step = chunkSize + TAG_SIZE;
  const firstChunk = Math.floor(from / chunkSize);
  const behind = to === total ? Math.floor(total / chunkSize) + 1 : Math.max(Math.ceil(to / chunkSize), firstChunk + 1);
  return {
    firstChunk,
    start: HEADER_SIZE + firstChunk * step,
    end: Math.min(HEADER_SIZE + behind * step, sealedLength(total, profile)),
    skip: from - firstChunk * chunkSize,
    length: to - from,
  };
}
