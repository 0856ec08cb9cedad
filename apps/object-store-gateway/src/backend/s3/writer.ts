import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { BlobWriter } from '../backend.js';
import { responseTo } from './response.js';

/** Writes one blob as the body of a PUT; a request that ends early leaves nothing in the store. */
export class HttpWriter implements BlobWriter {
  readonly #request: ClientRequest;
  readonly #response: Promise<IncomingMessage>;
  readonly #length: number;
  #written = 0;

  constructor(request: ClientRequest, length: number) {
    this.#request = request;
    this.#length = length;
    this.#response = responseTo(request);
    // It is awaited by commit; until then a failure must not count as unhandled.
    this.#response.catch(() => undefined);
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    const request = this.#request;
    request.cork();
    for (const piece of pieces) {
      request.write(piece);
      this.#written += piece.length;
    }
    request.uncork();
    // An answer before the end of the body is a refusal: stop waiting for room.
    if (request.writableNeedDrain) await Promise.race([once(request, 'drain'), this.#response]);
  }

  async commit(): Promise<void> {
    if (this.#written !== this.#length) throw new RangeError(`wrote ${this.#written} of ${this.#length} bytes`);
    this.#request.end();
    const response = await this.#response;
    const body = await response.toArray();
    if (response.statusCode === 200) return;
    const text = Buffer.concat(body as Buffer[]).toString('utf8', 0, 300);
    throw new Error(`the object store answered a write with ${response.statusCode}: ${text}`);
  }

  abort(): Promise<void> {
    this.#request.on('error', () => undefined).destroy();
    return Promise.resolve();
  }
}
