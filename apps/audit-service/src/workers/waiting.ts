import { KeysteadError } from '@keystead/errors';
import type { Incoming } from '../domain/batch.js';

/** A record that is not durable yet, and who waits for it. */
export class Waiting {
  readonly record: Incoming;
  /** performance.now() after which its caller is told that it failed. */
  readonly deadline: number;
  /** The same event delivered again meanwhile; it shares the outcome. */
  readonly twins: Waiting[] = [];
  settled = false;
  readonly #resolve: (index: number) => void;
  readonly #reject: (error: Error) => void;

  constructor(record: Incoming, deadline: number, resolve: (index: number) => void, reject: (error: Error) => void) {
    this.record = record;
    this.deadline = deadline;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  succeed(index: number): void {
    if (this.settled) return;
    this.settled = true;
    this.#resolve(index);
    for (const twin of this.twins) twin.succeed(index);
  }

  fail(error: Error): void {
    if (this.settled) return;
    this.settled = true;
    this.#reject(error);
    for (const twin of this.twins) twin.fail(error);
  }
}

/** The answer when a record could not be made durable in time. */
export function notDurable(): KeysteadError {
  return new KeysteadError('Unavailable', 'The audit log cannot be written.');
}
