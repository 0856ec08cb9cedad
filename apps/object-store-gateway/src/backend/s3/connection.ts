import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { readAnswerHead } from './answer-head.js';
import type { AnswerHead } from './answer-head.js';

/** Where an S3 store listens. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** What takes the body of one answer. The memory that it gives must stay its own until the bytes have come. */
export interface Sink {
  /** Memory for the next bytes; at least one byte. */
  space(): Uint8Array;
  /** So many bytes lie at the beginning of the space asked for last. False: no more until `Connection.resume`. */
  take(length: number): boolean;
  /** The body has come whole, and the connection serves somebody else. */
  end(): void;
  fail(error: Error): void;
}

/** One request on a connection. */
export interface Exchange {
  /** Says what takes the body, once the head of the answer is here. Throws what the request then fails with. */
  answered(head: AnswerHead): Sink;
  fail(error: Error): void;
}

const SILENCE_MS = 30_000;
/** Shorter than stores keep connections that nobody uses. */
const IDLE_MS = 4_000;
const HEAD_BYTES = 2_048;
const HEAD_END = '\r\n\r\n';
const NOTHING = Buffer.alloc(0);
const MOST_HEAD_BYTES = 64 * 1024;

/**
 * One keep-alive HTTP/1.1 connection. The body of an answer is read by the system call itself into the memory of whoever
 * wants it: no stream and no buffer lies between. (Over TLS each piece is copied once.)
 */
export class Connection {
  readonly #socket: Socket;
  readonly #onFree: (connection: Connection) => void;
  readonly #headSpace = Buffer.allocUnsafeSlow(HEAD_BYTES);
  #space: Uint8Array = this.#headSpace;
  #head: Buffer = NOTHING;
  #exchange: Exchange | undefined;
  #sink: Sink | undefined;
  #left = 0;
  #keepsOpen = true;
  /** The request was sent whole; an answer before it ends the connection. */
  #sent = false;
  /** The body waits for its reader. */
  #paused = false;
  /** True until an answer's first byte has come. */
  silent = true;

  /** @param onFree called when the connection can take another request */
  constructor({ host, port, tls }: Endpoint, onFree: (connection: Connection) => void) {
    this.#onFree = onFree;
    const callback = (length: number): boolean => this.#came(length);
    const buffer = (): Uint8Array => this.#space;
    this.#socket = tls
      ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }) }).on('data', (bytes: Buffer) =>
          this.#copy(bytes),
        )
      : connect({ host, port, noDelay: true, onread: { buffer, callback } });
    this.#socket
      .on('timeout', () => this.#quiet())
      .on('error', (error) => this.#fail(error))
      .on('close', () => this.#fail(new Error('the object store closed the connection')));
  }

  /** False once it was closed. */
  get usable(): boolean {
    return this.#socket.readable && this.#socket.writable;
  }

  /** Begins a request; `write` brings its head and body, `sent` says that this was all. */
  begin(exchange: Exchange): void {
    this.#exchange = exchange;
    this.#sent = false;
    this.silent = true;
    this.#socket.setTimeout(SILENCE_MS);
  }

  /** Hands bytes to the socket in one gathered write; resolves when there is room for more, or the exchange is over. */
  async write(pieces: readonly Uint8Array[]): Promise<void> {
    const socket = this.#socket;
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
    if (!socket.writableNeedDrain || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off('drain', done).off('close', done);
        resolve();
      };
      socket.on('drain', done).on('close', done);
    });
  }

  sent(): void {
    this.#sent = true;
  }

  /** Reads on after `Sink.take` said no. */
  resume(): void {
    this.#paused = false;
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** A store may be slow only where it does not wait for us. */
  #quiet(): void {
    if (!this.#exchange) this.#socket.destroy();
    else if (this.#paused || (!this.#sent && this.#socket.writableLength === 0)) this.#socket.setTimeout(SILENCE_MS);
    else this.#socket.destroy(new Error('the object store is silent'));
  }

  #copy(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && !this.#socket.destroyed;) {
      const length = Math.min(this.#space.length, bytes.length - at);
      this.#space.set(bytes.subarray(at, at + length));
      at += length;
      if (!this.#came(length)) {
        this.#socket.pause();
        if (at < bytes.length) this.#socket.unshift(bytes.subarray(at));
        return;
      }
    }
  }

  /** Takes what lies in the space; answers whether to read on. */
  #came(length: number): boolean {
    try {
      const more = this.#sink ? this.#body(this.#sink, length) : this.#headCame(length);
      this.#space = this.#sink && this.#left > 0 ? this.#sink.space() : this.#headSpace;
      if (this.#space.length > this.#left && this.#sink) this.#space = this.#space.subarray(0, this.#left);
      this.#paused = !more;
      return more;
    } catch (error) {
      this.#fail(error as Error);
      this.#socket.destroy();
      return true;
    }
  }

  #headCame(length: number): boolean {
    this.silent = false;
    const came = this.#headSpace.subarray(0, length);
    let bytes = this.#head.length === 0 ? came : Buffer.concat([this.#head, came]);
    this.#head = NOTHING;
    for (let end = bytes.indexOf(HEAD_END); end >= 0; end = bytes.indexOf(HEAD_END)) {
      if (!this.#exchange) break;
      const head = readAnswerHead(bytes.toString('latin1', 0, end));
      // Behind an interim answer (RFC 9110 §15.2) another head follows.
      bytes = bytes.subarray(end + HEAD_END.length);
      if (head.status >= 200) return this.#beginBody(this.#exchange, head, bytes);
    }
    if (!this.#exchange) throw new Error('the object store speaks unasked');
    if (bytes.length > MOST_HEAD_BYTES) throw new Error('the object store answers with an endless head');
    // A copy, since what comes next is read into the same space.
    this.#head = Buffer.from(bytes);
    return true;
  }

  #beginBody(exchange: Exchange, head: AnswerHead, rest: Buffer): boolean {
    const sink = exchange.answered(head);
    this.#sink = sink;
    this.#keepsOpen = head.keepsOpen && head.length !== undefined;
    // A body without a length is only ever the text of a failure: what has come of it is enough.
    this.#left = head.length ?? rest.length;
    if (rest.length > this.#left) throw new Error('the object store sends more than it announced');
    let more = true;
    for (let at = 0; at < rest.length;) {
      const space = sink.space();
      const length = Math.min(space.length, rest.length - at);
      space.set(rest.subarray(at, at + length));
      at += length;
      more = this.#body(sink, length);
    }
    if (this.#left === 0 && rest.length === 0) this.#done(sink);
    return more;
  }

  #body(sink: Sink, length: number): boolean {
    this.#left -= length;
    const more = sink.take(length);
    if (this.#left > 0) return more;
    this.#done(sink);
    return true;
  }

  #done(sink: Sink): void {
    const free = this.#keepsOpen && this.#sent;
    this.#exchange = undefined;
    this.#sink = undefined;
    if (free) this.#socket.setTimeout(IDLE_MS);
    else this.#socket.destroy();
    sink.end();
    if (free) this.#onFree(this);
  }

  #fail(error: Error): void {
    const [exchange, sink] = [this.#exchange, this.#sink];
    this.#exchange = undefined;
    this.#sink = undefined;
    if (sink) sink.fail(error);
    else exchange?.fail(error);
  }
}
