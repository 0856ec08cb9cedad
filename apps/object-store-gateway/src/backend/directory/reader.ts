import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { BlobMissing } from '../backend.js';
import type { BlobReader } from '../backend.js';
import type { BufferPool } from './buffer-pool.js';

/** Reads a range of a file in large blocks into two buffers in turn: one is filled while the other is used. */
export class FileReader implements BlobReader {
  readonly #file: FileHandle;
  readonly #pool: BufferPool;
  readonly #buffers: Buffer[] = [];
  readonly #end: number;
  #at: number;
  #turn = 0;
  #ahead: Promise<Uint8Array | undefined>;

  private constructor(file: FileHandle, pool: BufferPool, start: number, end: number) {
    this.#file = file;
    this.#pool = pool;
    this.#at = start;
    this.#end = end;
    this.#ahead = this.#fillAhead();
  }

  static async open(blob: string, path: string, pool: BufferPool, start: number, end: number): Promise<FileReader> {
    const file = await open(path, 'r').catch((error: unknown) => {
      throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? new BlobMissing(blob, error) : error;
    });
    return new FileReader(file, pool, start, end);
  }

  async next(): Promise<Uint8Array | undefined> {
    const bytes = await this.#ahead;
    if (bytes) {
      this.#ahead = this.#fillAhead();
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#ahead.catch(() => undefined);
    await this.#file.close();
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
      const { bytesRead } = await this.#file.read(buffer, got, want - got, this.#at + got);
      if (bytesRead === 0) throw new RangeError('the blob is shorter than its record says');
      got += bytesRead;
    }
    this.#at += got;
    return buffer.subarray(0, got);
  }
}
