import type { Sink } from './connection.js';

const SHOWN = 300;
const PIECE = 4_096;

/** Takes a body that is only looked at: the text of a failure, or nothing. */
export class TextSink implements Sink {
  readonly #done: (text: string) => void;
  readonly #failed: (error: Error) => void;
  #space: Buffer | undefined;
  #text = '';

  constructor(done: (text: string) => void, failed: (error: Error) => void) {
    this.#done = done;
    this.#failed = failed;
  }

  space(): Uint8Array {
    return (this.#space ??= Buffer.allocUnsafe(PIECE));
  }

  take(length: number): boolean {
    if (this.#text.length < SHOWN) this.#text += this.#space?.toString('utf8', 0, Math.min(length, SHOWN)) ?? '';
    return true;
  }

  end(): void {
    this.#done(this.#text);
  }

  fail(error: Error): void {
    this.#failed(error);
  }
}
