import type { BlobWriter } from '../backend.js';
import { footerOf } from '../footer.js';
import type { Connection, Exchange } from './connection.js';
import { TextSink } from './text.js';

/** What else a writer does with its blob. */
export interface Beside {
  /** Puts a record beside it that did not fit into it. */
  readonly keep: (record: Buffer) => Promise<void>;
  /** Removes both. */
  readonly remove: () => Promise<void>;
}

/** How a writer begins its request. */
export interface Request {
  readonly connect: () => Connection;
  readonly head: () => Buffer;
}

/** Lengths of an object in the store. */
export interface Lengths {
  /** All of it. */
  readonly length: number;
  /** What of it is for the record, at its end. */
  readonly recordRoom: number;
}

/** Writes one blob as the body of a PUT; a request that ends early leaves nothing in the store. */
export class HttpWriter implements BlobWriter {
  readonly #request: Request;
  #sending: { readonly connection: Connection; readonly accepted: Promise<void> } | undefined;
  readonly #length: number;
  readonly #recordRoom: number;
  readonly #beside: Beside;
  /** The last bytes, which leave with the record behind them. */
  #waiting: readonly Uint8Array[] = [];
  #written = 0;
  #ended = false;

  constructor(request: Request, { length, recordRoom }: Lengths, beside: Beside) {
    this.#request = request;
    this.#length = length - recordRoom;
    this.#recordRoom = recordRoom;
    this.#beside = beside;
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    for (const { length } of pieces) this.#written += length;
    if (this.#written === this.#length) this.#waiting = pieces;
    else await this.#send(pieces);
  }

  async commit(record?: Buffer): Promise<void> {
    if (this.#written !== this.#length) throw new RangeError(`wrote ${this.#written} of ${this.#length} bytes`);
    this.#ended = true;
    const footer = record && footerOf(record, this.#recordRoom);
    await this.#send([...this.#waiting, footer ?? Buffer.alloc(this.#recordRoom)], true);
    await this.#sending?.accepted;
    if (record && !footer) await this.#beside.keep(record);
  }

  async abort(): Promise<void> {
    if (this.#ended) await this.#beside.remove();
    // A request that ended early leaves nothing in the store.
    else this.#sending?.connection.destroy();
  }

  /** The connection is taken when there is something to send, and the head leaves with the first bytes. */
  async #send(pieces: readonly Uint8Array[], last = false): Promise<void> {
    const first = this.#sending === undefined;
    const { connection } = (this.#sending ??= this.#begin());
    if (last) connection.sent();
    await connection.write(first ? [this.#request.head(), ...pieces] : pieces);
  }

  #begin(): { readonly connection: Connection; readonly accepted: Promise<void> } {
    const connection = this.#request.connect();
    const accepted = new Promise<void>((resolve, reject) => connection.begin(accepting(resolve, reject)));
    // It is awaited by commit; until then a failure must not count as unhandled.
    accepted.catch(() => undefined);
    return { connection, accepted };
  }
}

function accepting(resolve: () => void, reject: (error: Error) => void): Exchange {
  return {
    answered: ({ status }) =>
      new TextSink((text) => {
        if (status === 200) resolve();
        else reject(new Error(`the object store answered a write with ${status}: ${text}`));
      }, reject),
    fail: reject,
  };
}
