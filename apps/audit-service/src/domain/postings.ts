/** Leaves of one batch that carry a term in one second. */
export interface Posting {
  readonly term: bigint;
  /** Seconds since 1970. */
  readonly at: number;
  /** Offsets from the first leaf of the batch, ascending. */
  readonly offsets: readonly number[];
}

/** Collects the postings of a batch. */
export class Postings {
  readonly #bySecond = new Map<number, Map<bigint, number[]>>();

  add(at: number, terms: readonly bigint[], offset: number): void {
    let second = this.#bySecond.get(at);
    if (!second) this.#bySecond.set(at, (second = new Map<bigint, number[]>()));
    for (const term of terms) {
      const offsets = second.get(term);
      if (!offsets) second.set(term, [offset]);
      else if (offsets.at(-1) !== offset) offsets.push(offset);
    }
  }

  list(): Posting[] {
    const list: Posting[] = [];
    for (const [at, second] of this.#bySecond) for (const [term, offsets] of second) list.push({ term, at, offsets });
    return list;
  }
}

/** Two bytes for each offset, big-endian. */
export function encodeOffsets(offsets: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(offsets.length * 2);
  offsets.forEach((offset, index) => bytes.writeUInt16BE(offset, index * 2));
  return bytes;
}

export function decodeOffsets(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 2 }, (_, index) => bytes.readUInt16BE(index * 2));
}
