import type pg from 'pg';
import type { Pool, Queryable } from './pool.js';

/** A transaction that is open; use it only inside the function that got it. */
export type Tx = Queryable;

export interface TransactionOptions {
  /** Default READ COMMITTED; a distributed engine may always serialize. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
}

const retries = 3;
/** serialization_failure and deadlock_detected: the whole transaction may be run again. */
const again = new Set(['40001', '40P01']);

/**
 * Runs `work` in one transaction: committed when it returns, rolled back when it throws. After a serialization failure or
 * a deadlock `work` is run again, at most three times, so it must have no effects outside the database.
 */
export async function transaction<T>(
  pool: Pool,
  work: (tx: Tx) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await once(pool, work, options);
    } catch (error) {
      if (attempt === retries || !again.has(sqlState(error) ?? '')) throw error;
      await new Promise((later) => setTimeout(later, 2 ** attempt * 5 * Math.random()));
    }
  }
}

async function once<T>(pool: Pool, work: (tx: Tx) => Promise<T>, { isolation }: TransactionOptions): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(isolation ? `begin isolation level ${isolation}` : 'begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    broken = await rollBack(client);
    throw error;
  } finally {
    client.release(broken);
  }
}

/** A connection that cannot even roll back is not used again. */
async function rollBack(client: pg.PoolClient): Promise<Error | undefined> {
  try {
    await client.query('rollback');
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** The five characters of SQLSTATE, or undefined when the failure is not the database's answer. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** True when a row with the same key was there already; for one constraint when it is named. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (sqlState(error) !== '23505') return false;
  return constraint === undefined || (error as { constraint?: string }).constraint === constraint;
}

/** Throws one sentence unless the schema is at exactly `version`. For the start of a service. */
export async function requireSchemaVersion(pool: Queryable, version: number): Promise<void> {
  const text = 'select max(version)::int as version from schema_version';
  const { rows } = await pool.query<{ version: number | null }>(text);
  const found = rows[0]?.version ?? 0;
  if (found === version) return;
  throw new Error(`The database schema is at version ${found}, this program needs ${version}: run its migrations.`);
}
