/** Lends buffers of one size and takes them back, so that reads do not leave garbage behind. */
export class BufferPool {
  readonly size: number;
  readonly #most: number;
  readonly #free: Buffer[] = [];

  /** @param most buffers that are kept while nobody uses them */
  constructor(size: number, most: number) {
    this.size = size;
    this.#most = most;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.size);
  }

  give(buffer: Buffer): void {
    if (this.#free.length < this.#most) this.#free.push(buffer);
  }
}
