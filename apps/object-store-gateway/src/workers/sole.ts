import type { Pool, PoolClient } from '@keystead/db';
import { ConfigError } from '@keystead/service';
import type { ChangeListener, Lease, Logger } from '@keystead/service';
import { setTimeout as sleep } from 'node:timers/promises';

/** Of this database; any two numbers that nobody else takes. */
const LOCK = [1_263_882_579, 1];
/** Whoever changes the index from outside of a gateway says so here. */
const CHANNEL = 'keystead_index';

/** A predecessor that was killed lets go as soon as its connections are seen to be closed. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 200;
const BEAT_MS = 1_000;
/** The lock counts so long after the database last answered on its connection. */
const TRUST_MS = 3_000;
/** Longer than the database lets a statement of anybody run (30 s). */
const SETTLE_MS = 35_000;

export interface SoleOptions {
  readonly pool: Pool;
  /** This is to be the only gateway of the index; else it is one of several. */
  readonly sole: boolean;
  readonly log: Logger;
  /** How long the start waits for somebody else's end; default 10,000. */
  readonly patienceMs?: number;
}

/** Whether this process alone changes the index. */
export type Sole = Pick<Lease, 'fresh' | 'onChange'> & { close(): void };

/**
 * Holds a lock of the database on a connection of its own, exclusively for a sole gateway, else together with others, so
 * that no gateway starts beside a sole one. Throws ConfigError where one already runs.
 */
export async function holdIndex(options: SoleOptions): Promise<Sole> {
  const holder = new Holder(options);
  await holder.start();
  return holder;
}

class Holder implements Sole {
  readonly #options: SoleOptions;
  readonly #listeners = new Set<ChangeListener>();
  #client: PoolClient | undefined;
  /** What others began before is over (performance.now). */
  #settledAt = Infinity;
  #trustedUntil = 0;
  #beat: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SoleOptions) {
    this.#options = options;
  }

  fresh(): boolean {
    const now = performance.now();
    return now < this.#trustedUntil && now >= this.#settledAt;
  }

  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async start(): Promise<void> {
    const until = performance.now() + (this.#options.patienceMs ?? PATIENCE_MS);
    while (!(await this.#take())) {
      await sleep(RETRY_MS);
      if (performance.now() < until) continue;
      throw new ConfigError(
        this.#options.sole
          ? 'Another object-store-gateway uses this index: KEYSTEAD_SOLE_GATEWAY=1 is for the only one.'
          : 'An object-store-gateway with KEYSTEAD_SOLE_GATEWAY=1 uses this index: it is for the only one.',
      );
    }
    void this.#untilOthersRest();
  }

  close(): void {
    this.#closed = true;
    this.#lose();
  }

  /** False while somebody else holds it. */
  async #take(): Promise<boolean> {
    const { pool, sole } = this.#options;
    const client = await pool.connect();
    try {
      const text = `select pg_try_advisory_lock${sole ? '' : '_shared'}($1, $2) as held`;
      const { rows } = await client.query<{ held: boolean }>(text, LOCK);
      const held = rows[0]?.held === true;
      if (held) await client.query(`listen ${CHANNEL}`);
      if (held && !this.#closed) this.#hold(client);
      else client.release(true);
      return held;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  #hold(client: PoolClient): void {
    this.#client = client;
    const lost = (): void => this.#lost(client);
    client.on('error', lost).on('end', lost);
    client.on('notification', () => this.#tell());
    this.#trust(performance.now());
    let asking = false;
    const ask = async (): Promise<void> => {
      if (asking) return;
      asking = true;
      await this.#ask(client);
      asking = false;
    };
    this.#beat = setInterval(() => void ask(), BEAT_MS).unref();
  }

  async #ask(client: PoolClient): Promise<void> {
    const asked = performance.now();
    try {
      await client.query('select 1');
      if (client === this.#client) this.#trust(asked);
    } catch {
      this.#lost(client);
    }
  }

  #trust(asked: number): void {
    if (this.#options.sole) this.#trustedUntil = asked + TRUST_MS;
  }

  /** What a predecessor sent may be committed after its end: until its statements have ended nothing is kept. */
  async #untilOthersRest(): Promise<void> {
    const text = `select 1 from pg_stat_activity where usename = current_user and state <> 'idle'
      and backend_start < (select backend_start from pg_stat_activity where pid = pg_backend_pid())`;
    while (!this.#closed && this.#settledAt === Infinity) {
      const others = await this.#client?.query(text).catch(() => undefined);
      if (others?.rows.length === 0) this.#settledAt = performance.now();
      else await sleep(RETRY_MS, undefined, { ref: false });
    }
  }

  #lost(client: PoolClient): void {
    if (client !== this.#client) return;
    this.#lose();
    if (this.#closed) return;
    this.#options.log.warn('the lock on the index was lost; taking it again');
    void this.#again();
  }

  /** Gone with its connection, the lock may have been somebody else's meanwhile. */
  async #again(): Promise<void> {
    this.#settledAt = performance.now() + SETTLE_MS;
    while (!this.#closed && !(await this.#take().catch(() => false))) await sleep(RETRY_MS, undefined, { ref: false });
    this.#settledAt = performance.now() + SETTLE_MS;
    this.#tell();
  }

  #lose(): void {
    const client = this.#client;
    this.#client = undefined;
    this.#trustedUntil = 0;
    clearInterval(this.#beat);
    client?.release(true);
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(undefined);
  }
}

/** The statement by which a change from outside of a gateway is announced, in its own transaction. */
export const ANNOUNCE = { text: `select pg_notify('${CHANNEL}', '')` };
