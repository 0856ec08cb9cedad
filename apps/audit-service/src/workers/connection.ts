import type { Queryable } from '../store/queryable.js';

/** A connection of a pool; `release(true)` closes it instead of giving it back. Its errors reach whoever queries next. */
export interface Connection extends Queryable {
  release(destroy?: boolean): void;
}

export interface ConnectionPool {
  connect(): Promise<Connection>;
}

/** Longer than any healthy commit, short enough that callers hear of a dead database within two seconds. */
const queryMs = 1_500;

/** The journal's own connection: opened when needed, thrown away after any failure. */
export class JournalConnection {
  readonly #pool: ConnectionPool;
  #connection: Connection | undefined;

  constructor(pool: ConnectionPool) {
    this.#pool = pool;
  }

  /** Runs queries on it; rejects after 1.5 s. After a rejection its state is unknown, so `drop` it. */
  async use<T>(work: (db: Queryable) => Promise<T>): Promise<T> {
    this.#connection ??= await this.#open();
    return within(work(this.#connection));
  }

  drop(): void {
    this.#connection?.release(true);
    this.#connection = undefined;
  }

  async #open(): Promise<Connection> {
    const opening = this.#pool.connect();
    try {
      return await within(opening);
    } catch (error) {
      // It may still come: then nobody waits for it any more.
      opening.then(
        (late) => {
          late.release(true);
        },
        () => undefined,
      );
      throw error;
    }
  }
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`the database did not answer within ${String(queryMs)} ms`));
    }, queryMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
