/** Buffers that are kept while nobody uses them. */
const IDLE = 32;

/** Lends buffers of one size and takes them back, so that reads do not leave garbage behind. */
export class BufferPool {
  /** Sixteen sealed chunks: large enough that the system calls do not count. */
  readonly size = 16 * (65_536 + 16);
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.size);
  }

  give(buffer: Buffer): void {
    if (this.#free.length < IDLE) this.#free.push(buffer);
  }
}
