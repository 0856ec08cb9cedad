import type { IncomingMessage } from 'node:http';
import type { BlobReader } from '../backend.js';

/** Reads the body of a ranged GET. */
export class HttpReader implements BlobReader {
  readonly #response: IncomingMessage;
  readonly #pieces: AsyncIterator<Buffer>;
  #left: number;

  constructor(response: IncomingMessage, length: number) {
    this.#response = response;
    this.#pieces = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#left = length;
  }

  async next(): Promise<Uint8Array | undefined> {
    const piece = (await this.#pieces.next()) as IteratorResult<Buffer, undefined>;
    if (!piece.done) {
      this.#left -= piece.value.length;
      return piece.value;
    }
    if (this.#left !== 0) throw new RangeError('the blob is shorter than its record says');
    return undefined;
  }

  close(): Promise<void> {
    if (!this.#response.readableEnded) this.#response.destroy();
    return Promise.resolve();
  }
}
