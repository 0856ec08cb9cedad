import { closeSync, openSync, read as readCallback } from 'node:fs';
import { promisify } from 'node:util';
import { BlobMissing } from '../backend.js';
import type { BlobReader } from '../backend.js';
import type { BufferPool } from '../buffer-pool.js';

const read = promisify(readCallback);

/** Reads a range of a file in large blocks into two buffers in turn: one is filled while the other is used. */
export class FileReader implements BlobReader {
  readonly #file: number;
  readonly #pool: BufferPool;
  readonly #buffers: Buffer[] = [];
  readonly #end: number;
  #at: number;
  #turn = 0;
  #ahead: Promise<Uint8Array | undefined>;

  private constructor(file: number, pool: BufferPool, start: number, end: number) {
    this.#file = file;
    this.#pool = pool;
    this.#at = start;
    this.#end = end;
    this.#ahead = this.#fillAhead();
  }

  /** Opening and closing are not worth a thread: waking one costs more than they do. */
  static open(blob: string, path: string, pool: BufferPool, start: number, end: number): FileReader {
    try {
      return new FileReader(openSync(path, 'r'), pool, start, end);
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? new BlobMissing(blob, error) : error;
    }
  }

  async next(): Promise<Uint8Array | undefined> {
    const bytes = await this.#ahead;
    if (bytes) this.#ahead = this.#fillAhead();
    return bytes;
  }

  async close(): Promise<void> {
    await this.#ahead.catch(() => undefined);
    closeSync(this.#file);
    for (const buffer of this.#buffers.splice(0)) this.#pool.give(buffer);
  }

  /** It is awaited by the next call; until then a failure must not count as unhandled. */
  #fillAhead(): Promise<Uint8Array | undefined> {
    const ahead = this.#fill();
    ahead.catch(() => undefined);
    return ahead;
  }

  async #fill(): Promise<Uint8Array | undefined> {
    const want = Math.min(this.#pool.size, this.#end - this.#at);
    if (want <= 0) return undefined;
    const buffer = (this.#buffers[this.#turn] ??= this.#pool.take());
    this.#turn ^= 1;
    let got = 0;
    while (got < want) {
      const { bytesRead } = await read(this.#file, buffer, got, want - got, this.#at + got);
      if (bytesRead === 0) throw new RangeError('the blob is shorter than its record says');
      got += bytesRead;
    }
    this.#at += got;
    return buffer.subarray(0, got);
  }
}
