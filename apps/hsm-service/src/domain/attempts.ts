import { KeysteadError } from '@keystead/errors';

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
/** Typing errors that cost nothing. */
const FREE_FAILURES = 2;
/** Attempts that wait for their turn. */
const MAX_WAITING = 16;

/** Slows down guessing: from the third failure on the next attempt waits a second, and twice as long after each more. */
export class Attempts {
  #failures = 0;
  #nextMs = 0;
  #waiting = 0;
  #turn: Promise<void> = Promise.resolve();

  /**
   * Makes attempts one after the other, or whoever sends many at once would guess without any wait.
   * Throws Throttling while the next attempt must wait, and for one too many at once.
   */
  async inTurn<T>(now: () => Date, work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) throw new KeysteadError('Throttling', 'Too many attempts at once.');
    this.#waiting += 1;
    const before = this.#turn;
    let end = (): void => undefined;
    this.#turn = new Promise((resolve) => (end = resolve));
    try {
      await before;
      this.#mustBeAllowed(now());
      return await work();
    } finally {
      this.#waiting -= 1;
      end();
    }
  }

  failed(now: Date): void {
    this.#failures += 1;
    const over = this.#failures - FREE_FAILURES;
    if (over <= 0) return;
    this.#nextMs = now.getTime() + Math.min(FIRST_WAIT_MS * 2 ** Math.min(over - 1, 16), LONGEST_WAIT_MS);
  }

  succeeded(): void {
    this.#failures = 0;
    this.#nextMs = 0;
  }

  #mustBeAllowed(now: Date): void {
    const left = this.#nextMs - now.getTime();
    if (left <= 0) return;
    const seconds = Math.ceil(left / 1_000);
    throw new KeysteadError('Throttling', `Too many failed attempts; try again in ${seconds} s.`);
  }
}
