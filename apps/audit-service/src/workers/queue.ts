import { notDurable, type Waiting } from './waiting.js';

/** Records that wait for a batch. Bounded: when the database does not keep up, callers are refused, not stored. */
export const maxWaiting = 16_384;
export const maxWaitingBytes = 64 << 20;
/** One batch; offsets within it are two bytes, and 4 MiB commit in tens of milliseconds. */
export const maxBatch = 1_024;
export const maxBatchBytes = 4 << 20;

const sweepMs = 100;

/** First come, first served. Tells callers in time when theirs takes too long, also while a batch is under way. */
export class Queue {
  #items: Waiting[] = [];
  #underWay: readonly Waiting[] = [];
  #bytes = 0;
  #sweep: NodeJS.Timeout | undefined;

  get length(): number {
    return this.#items.length;
  }

  /** Refuses with Unavailable when the queue is full. */
  push(item: Waiting): void {
    if (this.#items.length >= maxWaiting || this.#bytes >= maxWaitingBytes) {
      item.fail(notDurable());
      return;
    }
    this.#items.push(item);
    this.#bytes += item.record.record.length;
    this.#sweep ??= setInterval(() => {
      this.#expire();
    }, sweepMs).unref();
  }

  /** The next batch, at most `limit` records; an event that is there twice goes with its twin. */
  take(limit: number): Waiting[] {
    const batch = new Map<string, Waiting>();
    let bytes = 0;
    let taken = 0;
    for (const item of this.#items) {
      const { eventId, record } = item.record;
      if (batch.size >= limit || (batch.size > 0 && bytes + record.length > maxBatchBytes)) break;
      taken += 1;
      this.#bytes -= record.length;
      if (item.settled) continue;
      const first = batch.get(eventId);
      if (first) first.twins.push(item);
      else batch.set(eventId, item);
      if (!first) bytes += record.length;
    }
    this.#items = taken === this.#items.length ? [] : this.#items.slice(taken);
    this.#underWay = [...batch.values()];
    return [...batch.values()];
  }

  /** The batch that was taken is decided: these go back to the front. */
  giveBack(items: readonly Waiting[]): void {
    this.#underWay = [];
    const open = items.filter((item) => !item.settled);
    for (const { record } of open) this.#bytes += record.record.length;
    if (open.length > 0) this.#items = [...open, ...this.#items];
  }

  /** Nobody will ever commit these. */
  failAll(): void {
    for (const item of [...this.#underWay, ...this.#items]) item.fail(notDurable());
    this.#items = [];
    this.#bytes = 0;
    this.#stop();
  }

  #expire(): void {
    const now = performance.now();
    for (const item of this.#underWay) if (item.deadline <= now) item.fail(notDurable());
    for (const item of this.#items) if (item.deadline <= now) item.fail(notDurable());
    if (this.#items.length === 0 && this.#underWay.length === 0) this.#stop();
  }

  #stop(): void {
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
