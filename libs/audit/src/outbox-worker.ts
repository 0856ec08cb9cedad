import { setTimeout as sleep } from 'node:timers/promises';
import { KeysteadError } from '@keystead/errors';
import type { AuditRecord } from '@keystead/proto/audit';
import { unbound } from '@keystead/service';
import { forgetOrigin, inOrigin } from './origins.js';
import { forget, waiting, type Waiting } from './outbox.js';
import type { Queryable } from './queryable.js';

/** New changes are refused while an undelivered record is older than this. */
export const maxBehindMs = 5_000;

const batch = 128;
/** How often rows are looked for that nobody poked for: those of another replica, or from before a crash. */
const pollMs = 1_000;
const retryMs = 200;

export interface OutboxOptions {
  readonly pool: Queryable;
  /** Usually auditClient's; the journal keeps a record once, however often it is delivered. */
  readonly append: (record: AuditRecord) => Promise<unknown>;
  /** How long to let records collect between two rounds; default 0. */
  readonly pauseMs?: number;
  /** Told of each failed round; the worker tries again by itself. */
  readonly failed?: (error: unknown) => void;
}

/** Delivers outbox rows in order. */
export interface OutboxWorker {
  /** There is something to deliver: call it after COMMIT. */
  poke(): void;
  /** Throws Unavailable when the oldest undelivered record is older than five seconds: call it before a change. */
  assertNotBehind(): void;
  /** Resolves when a round that began after this call found nothing left. */
  drained(): Promise<void>;
  /** Ends after the round under way. */
  close(): Promise<void>;
}

/** Starts delivering at once. */
export function outboxWorker(options: OutboxOptions): OutboxWorker {
  const worker = new Worker(options);
  worker.poke();
  return worker;
}

class Worker implements OutboxWorker {
  readonly #options: OutboxOptions;
  /** performance.now() at which the oldest undelivered record known here was written. */
  #oldest: number | undefined;
  #wanted = false;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #drained: (() => void)[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  poke(): void {
    this.#wanted = true;
    if (this.#running ?? this.#closed) return;
    clearTimeout(this.#timer);
    // Whoever pokes is one of many whose records this round delivers, and the timer behind it goes on for ever.
    this.#running = unbound(() =>
      this.#run().then((delay) => {
        this.#running = undefined;
        this.#rest(delay);
      }),
    );
  }

  assertNotBehind(): void {
    if (this.#oldest === undefined || performance.now() - this.#oldest <= maxBehindMs) return;
    throw new KeysteadError('Unavailable', 'The audit log is behind; changes are refused until it has caught up.');
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      this.poke();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Delivers until nobody wants more; answers how long to rest. */
  async #run(): Promise<number> {
    const waiters: (() => void)[] = [];
    try {
      while (this.#wanted && !this.#closed) {
        this.#wanted = false;
        waiters.push(...this.#drained.splice(0));
        await this.#deliverAll();
        for (const resolve of waiters.splice(0)) resolve();
        await this.#pause();
      }
      return pollMs;
    } catch (error) {
      this.#drained.push(...waiters);
      this.#options.failed?.(error);
      return retryMs;
    }
  }

  async #pause(): Promise<void> {
    const { pauseMs = 0 } = this.#options;
    if (pauseMs > 0 && !this.#closed) await sleep(pauseMs);
  }

  #rest(delay: number): void {
    if (this.#closed) return;
    // Poked after the last look: do not make that record wait for the timer.
    if (this.#wanted && delay === pollMs) {
      this.poke();
      return;
    }
    this.#timer = setTimeout(() => {
      this.poke();
    }, delay).unref();
  }

  async #deliverAll(): Promise<void> {
    for (;;) {
      const { rows, oldestMs } = await waiting(this.#options.pool, batch);
      this.#oldest = rows.length === 0 ? undefined : performance.now() - oldestMs;
      if (rows.length === 0) return;
      await this.#deliver(rows);
      if (rows.length < batch) this.#oldest = undefined;
      if (this.#closed || rows.length < batch) return;
    }
  }

  /** Sent in order on one stream; what arrived is forgotten even when a later one fails. */
  async #deliver(rows: readonly Waiting[]): Promise<void> {
    const results = await Promise.allSettled(
      rows.map(({ record }) => inOrigin(record, () => this.#options.append(record))),
    );
    const arrived = rows.filter((_, index) => results[index]?.status === 'fulfilled');
    for (const { record } of arrived) forgetOrigin(record);
    const positions = arrived.map(({ position }) => position);
    if (positions.length > 0) await forget(this.#options.pool, positions);
    const failure = results.find((result) => result.status === 'rejected');
    if (failure) throw failure.reason;
  }
}
