import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { BlobWriter } from '../backend.js';
import { responseTo } from './response.js';

/** What else a writer does with its blob. */
export interface Beside {
  /** Puts the record beside it. */
  readonly keep: (record: Buffer) => Promise<void>;
  /** Removes both. */
  readonly remove: () => Promise<void>;
}

/** Writes one blob as the body of a PUT; a request that ends early leaves nothing in the store. */
export class HttpWriter implements BlobWriter {
  readonly #request: ClientRequest;
  readonly #response: Promise<IncomingMessage>;
  readonly #length: number;
  readonly #beside: Beside;
  #written = 0;
  #ended = false;

  constructor(request: ClientRequest, length: number, beside: Beside) {
    this.#beside = beside;
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

  async commit(record?: Buffer): Promise<void> {
    if (this.#written !== this.#length) throw new RangeError(`wrote ${this.#written} of ${this.#length} bytes`);
    this.#ended = true;
    this.#request.end();
    await accepted(await this.#response);
    if (record) await this.#beside.keep(record);
  }

  async abort(): Promise<void> {
    this.#request.on('error', () => undefined).destroy();
    // A request that ended early leaves nothing in the store.
    if (this.#ended) await this.#beside.remove();
  }
}

async function accepted(response: IncomingMessage): Promise<void> {
  const body = await response.toArray();
  if (response.statusCode === 200) return;
  const text = Buffer.concat(body as Buffer[]).toString('utf8', 0, 300);
  throw new Error(`the object store answered a write with ${response.statusCode}: ${text}`);
}
