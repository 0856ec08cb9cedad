import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@keystead/service';
import { type Incoming, makeBatch } from '../domain/batch.js';
import { commit, findEvents } from '../store/commit.js';
import { acquire, type Head, release, renew } from '../store/leader.js';
import { type ConnectionPool, JournalConnection } from './connection.js';
import { Crowd } from './crowd.js';
import { maxBatch, Queue } from './queue.js';
import { notDurable, Waiting } from './waiting.js';

/** A leader that died is replaced after this; a living one renews three times as often. */
const leaseMs = 2_000;
const renewMs = 650;
const retryMs = 150;
/** A caller hears within this whether its record is durable. */
const appendMs = 1_900;
/**
 * Under load a batch waits until as many records have come as the last ones had, at most this long after the last one
 * began. A commit costs about as much as fifteen of its records (500 us of CPU here and in the database), and callers
 * that were answered together come back within this: who came a little late must not have a commit of their own.
 */
const paceMs = 6;
const fullEnough = 64;

export interface JournalOptions {
  readonly pool: ConnectionPool;
  /** Unique for this process. */
  readonly holder: string;
  readonly log: Logger;
  /** Told after each commit how many records it held and how long it took. */
  readonly committed?: (records: number, seconds: number) => void;
}

/**
 * Appends records to the tree in durable batches: while one commits, the next collects. Only the holder of the lease
 * appends; every doubt about the tree (an error, a silence, a missed compare-and-set) is settled by leading anew.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #db: JournalConnection;
  readonly #queue = new Queue();
  readonly #running: Promise<void>;
  #head: Head | undefined;
  #renewAt = 0;
  #limit = maxBatch;
  /** When the last batch began (performance.now). */
  #batchBegan = 0;
  readonly #crowd = new Crowd();
  /** How many records must wait before `#wake` is called. */
  #wakeAt = 1;
  #wake: () => void = () => undefined;
  #closed = false;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#db = new JournalConnection(options.pool);
    this.#running = this.#run();
  }

  /** Resolves with the record's index when it is committed; rejects with Unavailable within two seconds if it is not. */
  append(record: Incoming): Promise<number> {
    return new Promise((resolve, reject) => {
      const item = new Waiting(record, performance.now() + appendMs, resolve, reject);
      if (this.#closed) {
        item.fail(notDurable());
        return;
      }
      this.#queue.push(item);
      if (this.#queue.length >= this.#wakeAt) this.#wake();
    });
  }

  /** True while this process leads and its database answers. */
  get leading(): boolean {
    return this.#head !== undefined;
  }

  /** Commits what waits, gives the lease back. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    let troubled = false;
    while (!this.#closed || (this.#head && this.#queue.length > 0)) {
      try {
        await this.#step();
        troubled = false;
      } catch (error) {
        if (!troubled) this.#options.log.error({ err: error }, 'the journal cannot be written');
        troubled = true;
        this.#lose();
        if (!this.#closed) await sleep(retryMs);
      }
    }
    this.#queue.failAll();
    await this.#release();
  }

  async #step(): Promise<void> {
    if (!this.#head) {
      await this.#lead();
    } else if (performance.now() >= this.#renewAt) {
      await this.#renew(this.#head);
    } else if (this.#queue.length > 0) {
      await this.#gather();
      await this.#commitNext(this.#head);
    } else {
      await this.#woken(1, this.#renewAt - performance.now());
    }
  }

  /** Lets a batch collect. One caller that waits for each answer is never held up: nobody else would come. */
  async #gather(): Promise<void> {
    const enough = Math.min(fullEnough, this.#crowd.expected);
    const wait = this.#batchBegan + paceMs - performance.now();
    if (wait > 0 && this.#queue.length < enough) await this.#woken(enough, wait);
    // All frames that have arrived may still put their records in.
    else await nextTurn();
  }

  async #lead(): Promise<void> {
    const head = await this.#db.use((db) => acquire(db, this.#options.holder, leaseMs));
    if (!head) {
      await sleep(retryMs);
      return;
    }
    this.#head = head;
    this.#renewAt = performance.now() + renewMs;
    this.#options.log.info({ epoch: head.epoch.toString(), size: head.tree.size }, 'leading the journal');
  }

  async #renew({ epoch }: Head): Promise<void> {
    this.#renewAt = performance.now() + renewMs;
    const ours = await this.#db.use((db) => renew(db, this.#options.holder, epoch, leaseMs));
    if (!ours) throw new Error('another replica leads the journal');
  }

  async #commitNext(head: Head): Promise<void> {
    const items = this.#queue.take(this.#limit);
    if (items.length === 0) return;
    this.#batchBegan = performance.now();
    this.#crowd.note(items.length);
    try {
      await this.#commit(head, items);
      this.#limit = maxBatch;
    } catch (error) {
      await this.#afterFailure(error, items);
    } finally {
      this.#queue.giveBack(items);
    }
  }

  async #commit(head: Head, items: readonly Waiting[]): Promise<void> {
    const now = Math.max(Date.now(), head.appendedAtMs);
    const batch = makeBatch(head.tree, items.map((item) => item.record), now); // prettier-ignore
    const done = await this.#db.use((db) => commit(db, batch, head.epoch));
    if (!done) throw new Error('another process moved the tree');
    this.#head = { epoch: head.epoch, tree: batch.next, appendedAtMs: now };
    items.forEach((item, n) => {
      item.succeed(batch.first + n);
    });
    this.#options.committed?.(items.length, (performance.now() - this.#batchBegan) / 1_000);
  }

  /** What concerns single records is settled here; everything else means to lead anew. */
  async #afterFailure(error: unknown, items: readonly Waiting[]): Promise<void> {
    const code = sqlState(error);
    if (code === uniqueViolation) {
      const found = await this.#db.use((db) => findEvents(db, items.map((item) => item.record.eventId))); // prettier-ignore
      for (const item of items) {
        const index = found.get(item.record.eventId);
        if (index !== undefined) item.succeed(index);
      }
      if (found.size > 0) return;
    }
    // 22: data the database refuses; 23: a constraint. One record must not keep the others out.
    if (!code.startsWith('22') && !code.startsWith('23')) throw error;
    const [only, ...others] = items;
    if (others.length > 0) this.#limit = 1;
    else only?.fail(new Error('a record that the database refuses', { cause: error }));
  }

  #lose(): void {
    this.#head = undefined;
    this.#db.drop();
  }

  async #release(): Promise<void> {
    const head = this.#head;
    try {
      if (head) await this.#db.use((db) => release(db, this.#options.holder, head.epoch));
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the lease was not given back');
    }
    this.#lose();
  }

  /** Waits until so many records wait, at most `ms`. */
  #woken(records: number, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#wake();
      }, ms);
      this.#wakeAt = records;
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = () => undefined;
        resolve();
      };
    });
  }
}

const uniqueViolation = '23505';

function sqlState(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
