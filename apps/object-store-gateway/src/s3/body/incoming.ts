import type { IncomingMessage } from 'node:http';
import { S3Error } from '../../domain/s3-error.js';

/** Bytes that may wait between socket and cipher before the socket is paused. */
const HIGH_WATER = 1 << 20;
/** What a piece costs beside its bytes: a client may send them one by one. */
const PIECE = 128;

/**
 * Takes the body of a request as the socket gives it. All that has arrived since the last call is handed over at once,
 * so that it can be sealed and written together.
 */
export class IncomingBody {
  readonly #message: IncomingMessage;
  #queue: Buffer[] = [];
  #queued = 0;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #started = false;

  constructor(message: IncomingMessage) {
    this.#message = message;
  }

  /** The next bytes; undefined at the end. Throws RequestTimeout or IncompleteBody when the client is gone. */
  async next(): Promise<Buffer[] | undefined> {
    if (!this.#started) this.#start();
    while (this.#queue.length === 0) {
      if (this.#failure) throw this.#failure;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const pieces = this.#queue;
    this.#queue = [];
    this.#queued = 0;
    if (this.#message.isPaused()) this.#message.resume();
    return pieces;
  }

  #start(): void {
    this.#started = true;
    this.#message
      .on('data', (piece: Buffer) => {
        this.#queue.push(piece);
        this.#queued += piece.length + PIECE;
        if (this.#queued >= HIGH_WATER) this.#message.pause();
        this.#signal();
      })
      .once('end', () => {
        this.#ended = true;
        this.#signal();
      })
      .once('close', () => this.#fail(new S3Error('IncompleteBody')))
      .once('error', () => this.#fail(new S3Error('IncompleteBody')));
  }

  #fail(error: Error): void {
    if (!this.#ended) this.#failure ??= error;
    this.#signal();
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
