import { SegmentError } from './errors.js';
import type { SegmentOpener } from './opener.js';
import { OBJECT_V1, TAG_SIZE } from './profile.js';
import type { Profile } from './profile.js';
import type { RangePlan } from './sizes.js';

/**
 * Opens the bytes of one planned range as they arrive, in pieces of any size. Only a chunk that arrives in several
 * pieces is joined, so the reader of a file asks for whole chunks.
 */
export class RangeReader {
  readonly #opener: SegmentOpener;
  readonly #step: number;
  #chunk: number;
  #left: number;
  #skip: number;
  #want: number;
  #held: Uint8Array[] = [];
  #heldLength = 0;

  constructor(opener: SegmentOpener, plan: RangePlan, profile: Profile = OBJECT_V1) {
    this.#opener = opener;
    this.#step = profile.chunkSize + TAG_SIZE;
    this.#chunk = plan.firstChunk;
    this.#left = plan.end - plan.start;
    this.#skip = plan.skip;
    this.#want = plan.length;
  }

  /** Opens what became complete and appends the plaintext to `out`. */
  update(sealed: Uint8Array, out: Uint8Array[]): void {
    let at = 0;
    while (at < sealed.length) {
      const size = Math.min(this.#step, this.#left);
      if (size === 0) throw new SegmentError('the segment goes on behind its end');
      const take = Math.min(size - this.#heldLength, sealed.length - at);
      const piece = sealed.subarray(at, at + take);
      at += take;
      if (this.#heldLength + take < size) this.#hold(piece);
      else this.#release(this.#joined(piece), out);
    }
  }

  /** @throws {SegmentError} when bytes of the range are missing */
  final(): void {
    if (this.#left !== 0) throw new SegmentError('the segment is cut short');
  }

  #hold(piece: Uint8Array): void {
    // The caller may use its buffer again for the next read.
    this.#held.push(Buffer.from(piece));
    this.#heldLength += piece.length;
  }

  #joined(piece: Uint8Array): Uint8Array {
    if (this.#heldLength === 0) return piece;
    const whole = Buffer.concat([...this.#held, piece]);
    this.#held = [];
    this.#heldLength = 0;
    return whole;
  }

  #release(chunk: Uint8Array, out: Uint8Array[]): void {
    const plain = this.#opener.open(this.#chunk++, chunk);
    this.#left -= chunk.length;
    const wanted = plain.subarray(this.#skip, Math.min(plain.length, this.#skip + this.#want));
    this.#skip = 0;
    this.#want -= wanted.length;
    if (wanted.length > 0) out.push(wanted);
  }
}
