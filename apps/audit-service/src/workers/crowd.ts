/** So many batches are looked back on. */
const remembered = 8;
/** So many of them must have been as large as what is expected. */
const witnesses = 3;

/**
 * How many records the next batch may expect: what three of the last eight had. Outboxes deliver in bulk, and nobody
 * waits for those records: a batch that was large for once, or twice, must not make callers wait for a crowd that does
 * not come back.
 */
export class Crowd {
  readonly #sizes = new Array<number>(remembered).fill(1);
  #at = 0;
  #expected = 1;

  /** The size of a batch that begins. */
  note(size: number): void {
    this.#sizes[this.#at] = size;
    this.#at = (this.#at + 1) % remembered;
    this.#expected = [...this.#sizes].sort((a, b) => b - a)[witnesses - 1] ?? 1;
  }

  get expected(): number {
    return this.#expected;
  }
}
