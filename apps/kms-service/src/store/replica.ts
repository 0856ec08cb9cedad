import { randomUUID } from 'node:crypto';
import type { Pool } from '@keystead/db';
import type { Logger } from '@keystead/service';
import { beat, changesSince, currentSequence, leave, othersServeFor, prune } from './changes.js';

const beatMs = 250;
/** What others reckon with, by the database's clock. */
const leaseMs = 1_000;
/** What we grant ourselves: two clocks may differ in speed. */
const ownLeaseMs = 900;
const pruneEvery = 240;

/** Told which cache keys are void; undefined means all. */
type Listener = (keys: readonly string[] | undefined) => void;

/**
 * This process among those that serve from one schema. It may serve from memory while its row in `replica` is younger
 * than a second and everything up to that row's sequence is applied; so a change knows whom to wait for, without
 * LISTEN/NOTIFY and without counting replicas (ADR 0030).
 */
export class Replica {
  readonly #id = randomUUID();
  readonly #pool: Pool;
  readonly #log: Logger;
  readonly #listeners = new Set<Listener>();
  #applied = 0n;
  #freshUntil = 0;
  #beats = 0;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(pool: Pool, log: Logger) {
    this.#pool = pool;
    this.#log = log;
  }

  /** Joins; resolves when serving from memory is allowed. */
  async start(): Promise<void> {
    this.#applied = await currentSequence(this.#pool);
    await this.#beat();
    this.#timer = setInterval(() => void this.poke(), beatMs).unref();
  }

  /** True while what is in memory may be served. */
  fresh(): boolean {
    return performance.now() < this.#freshUntil;
  }

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A change of this process is committed. Its sequence is applied with the next beat, in order with those of others. */
  changed(cacheKeys: readonly string[]): void {
    this.#tell(cacheKeys);
  }

  /** Resolves when no other process serves what was before `sequence`: at most a second after the commit. */
  async acknowledged(sequence: bigint): Promise<void> {
    for (;;) {
      const left = await othersServeFor(this.#pool, this.#id, sequence, leaseMs);
      if (left <= 0) return;
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, 25)));
    }
  }

  /** Stops serving from memory and says so, so that nobody waits for us. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#freshUntil = 0;
    clearInterval(this.#timer);
    await this.#running;
    await leave(this.#pool, this.#id).catch(() => undefined);
  }

  poke(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#running ??= this.#beat()
      .catch((error: unknown) =>
        this.#log.warn({ err: error }, 'the database does not answer; keys are not served from memory'),
      )
      .finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #beat(): Promise<void> {
    await this.#catchUp();
    const begun = performance.now();
    await beat(this.#pool, this.#id, this.#applied);
    // Our row had run out: whoever committed between the two statements saw nobody to wait for.
    if (performance.now() >= this.#freshUntil) await this.#catchUp();
    if (!this.#closed) this.#freshUntil = begun + ownLeaseMs;
    if (++this.#beats % pruneEvery === 0) await prune(this.#pool);
  }

  async #catchUp(): Promise<void> {
    const { sequence, cacheKeys } = await changesSince(this.#pool, this.#applied);
    if (sequence !== this.#applied) this.#tell(cacheKeys);
    this.#applied = sequence;
  }

  #tell(keys: readonly string[] | undefined): void {
    for (const listener of this.#listeners) listener(keys);
  }
}
