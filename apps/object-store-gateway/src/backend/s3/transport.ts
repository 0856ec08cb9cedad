import { BlobMissing } from '../backend.js';
import type { BlobReader, BlobWriter } from '../backend.js';
import { BufferPool } from '../buffer-pool.js';
import { Connection } from './connection.js';
import type { Endpoint, Exchange } from './connection.js';
import { HttpReader } from './reader.js';
import type { Signer } from './signer.js';
import { TextSink } from './text.js';
import { HttpWriter } from './writer.js';
import type { Beside } from './writer.js';

const IDLE_CONNECTIONS = 64;

/** Reads and writes objects of an S3 store on kept connections, without a stream library between socket and caller. */
export class Transport {
  readonly #endpoint: Endpoint;
  readonly #signer: Signer;
  readonly #pool = new BufferPool();
  /** The one used last is taken first, so that those beyond the need fall silent and close. */
  #idle: Connection[] = [];
  #closed = false;

  constructor(endpoint: Endpoint, signer: Signer) {
    this.#endpoint = endpoint;
    this.#signer = signer;
  }

  /** Writes an object of `length` bytes, the room for a record among them. */
  put(path: string, length: number, recordRoom: number, beside: Beside): BlobWriter {
    const head = (): Buffer => this.#signer.head('PUT', path, `content-length: ${length}\r\n`);
    return new HttpWriter({ connect: () => this.#take(), head }, { length, recordRoom }, beside);
  }

  /** Reads bytes [start, end). Throws BlobMissing. */
  async get(blob: string, path: string, start: number, end: number): Promise<BlobReader> {
    const head = this.#signer.head('GET', path, `range: bytes=${start}-${end - 1}\r\n`);
    try {
      return await this.#read(this.#take(), head, blob, end - start);
    } catch (error) {
      // A kept connection may be closed by the store just when it is used again.
      if (!(error instanceof ClosedUnanswered)) throw error;
      return await this.#read(this.#open(), head, blob, end - start);
    }
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  #read(connection: Connection, head: Buffer, blob: string, length: number): Promise<BlobReader> {
    return new Promise((resolve, reject) => {
      const exchange: Exchange = {
        answered: ({ status, length: announced }) => {
          if (status === 206) {
            if (announced !== length) throw new RangeError('the blob is shorter than its record says');
            const reader = new HttpReader(connection, this.#pool, length);
            resolve(reader);
            return reader;
          }
          return new TextSink((text) => reject(refusal(blob, status, text)), reject);
        },
        fail: (error) => reject(connection.silent ? new ClosedUnanswered(error) : error),
      };
      connection.begin(exchange);
      connection.sent();
      void connection.write([head]);
    });
  }

  #take(): Connection {
    for (let kept = this.#idle.pop(); kept; kept = this.#idle.pop()) if (kept.usable) return kept;
    return this.#open();
  }

  #open(): Connection {
    return new Connection(this.#endpoint, (connection) => {
      if (this.#closed || this.#idle.length >= IDLE_CONNECTIONS) connection.destroy();
      else this.#idle.push(connection);
    });
  }
}

function refusal(blob: string, status: number, text: string): Error {
  if (status === 404 || status === 416) return new BlobMissing(blob);
  return new Error(`the object store answered a read with ${status}: ${text}`);
}

class ClosedUnanswered extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}
