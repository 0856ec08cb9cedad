import type { BlobReader } from '../backend.js';
import type { BufferPool } from '../buffer-pool.js';
import type { Connection, Sink } from './connection.js';

/**
 * Takes the body of a ranged GET in large blocks, in two buffers in turn: one is filled by the socket while the other is
 * used. When both are full the socket waits.
 */
export class HttpReader implements BlobReader, Sink {
  readonly #connection: Connection;
  readonly #pool: BufferPool;
  readonly #buffers: (Buffer | undefined)[] = [];
  /** Bytes still to come. */
  #left: number;
  /** Which buffer is being filled, and how far. */
  #turn = 0;
  #at = 0;
  /** Lengths of full blocks that nobody has asked for yet, oldest first. */
  readonly #full: number[] = [];
  #lent = false;
  #paused = false;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(connection: Connection, pool: BufferPool, length: number) {
    this.#connection = connection;
    this.#pool = pool;
    this.#left = length;
  }

  async next(): Promise<Uint8Array | undefined> {
    this.#lent = false;
    while (this.#full.length === 0) {
      if (this.#failure) throw this.#failure;
      if (this.#left === 0) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    // The oldest full block: filling goes round, so it is the other one unless both are full.
    const index = this.#full.length === 2 ? this.#turn : this.#turn ^ 1;
    const length = this.#full.shift() ?? 0;
    this.#lent = true;
    if (this.#paused && this.#busy < 2) {
      this.#paused = false;
      this.#connection.resume();
    }
    return this.#buffers[index]?.subarray(0, length);
  }

  close(): Promise<void> {
    if (!this.#ended) this.#connection.destroy();
    this.#failure ??= new Error('the reader is closed');
    for (const buffer of this.#buffers.splice(0)) if (buffer) this.#pool.give(buffer);
    return Promise.resolve();
  }

  space(): Uint8Array {
    return (this.#buffers[this.#turn] ??= this.#pool.take()).subarray(this.#at);
  }

  take(length: number): boolean {
    this.#at += length;
    this.#left -= length;
    if (this.#left > 0 && this.#at < this.#pool.size) return true;
    this.#full.push(this.#at);
    this.#turn ^= 1;
    this.#at = 0;
    this.#signal();
    this.#paused = this.#left > 0 && this.#busy === 2;
    return !this.#paused;
  }

  end(): void {
    this.#ended = true;
  }

  fail(error: Error): void {
    this.#ended = true;
    this.#failure ??= error;
    this.#signal();
  }

  get #busy(): number {
    return this.#full.length + (this.#lent ? 1 : 0);
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
