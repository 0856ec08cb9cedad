import { readFile } from 'node:fs/promises';
import pg from 'pg';

/** A statement: prepared once per connection under its name when it has one. */
export interface Statement {
  /** Unique in a service. */
  readonly name?: string;
  readonly text: string;
  readonly values?: unknown[];
}

/** Something that answers queries: a pool, or the transaction in which a function runs. */
export interface Queryable {
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(statement: Statement): Promise<pg.QueryResult<R>>;
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: unknown[]): Promise<pg.QueryResult<R>>;
}

export interface PoolOptions {
  /** postgresql://role@host:port/database; a password in it counts only without `passwordFile` and `password`. */
  readonly url: string;
  /** Read at every new connection, so that a changed password needs no restart. */
  readonly passwordFile?: string | undefined;
  readonly password?: string | undefined;
  /** The only schema on the search path. */
  readonly schema: string;
  /** Connections at most; default 10. */
  readonly max?: number;
  /** Told when an idle connection breaks; the pool makes a new one by itself. */
  readonly onError?: (error: Error) => void;
}

/**
 * A pool of connections to one service's schema. A query with a `name` is prepared once per connection. The database ends a
 * statement after 30 s; a connection is waited for at most 2 s. bigint columns arrive
 * as bigint.
 */
export class Pool extends pg.Pool implements AsyncDisposable {
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

/** A sequence or a size never loses digits. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 && format !== 'binary'
      ? BigInt
      : (pg.types.getTypeParser(oid, format) as (text: string) => unknown),
};

/** A connection of a pool, for what belongs to one: locks of a session, notifications. To be released. */
export type PoolClient = pg.PoolClient;

/** Opens a pool; the first query makes the first connection. */
export function openPool({ url, passwordFile, password, schema, max = 10, onError }: PoolOptions): Pool {
  const { host, port, user, database, password: inUrl, ssl } = connectionOf(url);
  const pool = new Pool({
    ...{ host, port, user, database, ssl },
    password: passwordFile === undefined ? (password ?? inUrl) : () => readPassword(passwordFile),
    max,
    options: `-c search_path=${identifier(schema)} -c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000`,
    application_name: `keystead-${schema}`,
    connectionTimeoutMillis: 2_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    types,
  });
  pool.on('error', (error) => onError?.(error));
  // A connection that breaks between two queries of whoever holds it would else end the process; the next query fails.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** What pg needs of a URL. TLS by `sslmode=require` or `verify-full` in it; anything else is without. */
export function connectionOf(url: string) {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const mode = searchParams.get('sslmode') ?? 'disable';
  const ssl = mode === 'disable' || mode === 'prefer' ? false : { rejectUnauthorized: mode !== 'require' };
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 5432 : Number(port),
    user: decodeURIComponent(username),
    password: password === '' ? undefined : decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    ssl,
  };
}

/** The URL with another database, role or password; undefined takes the password out. */
export function urlWith(
  url: string,
  change: { database?: string; role?: string; password?: string | undefined },
): string {
  const next = new URL(url);
  if (change.database !== undefined) next.pathname = `/${encodeURIComponent(change.database)}`;
  if (change.role !== undefined) next.username = encodeURIComponent(change.role);
  if ('password' in change) next.password = encodeURIComponent(change.password ?? '');
  return next.toString();
}

/** A lower-case SQL name that needs no quotes; throws for anything else, so that names may stand in SQL text. */
export function identifier(name: string): string {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(name)) throw new Error(`"${name}" is not a plain SQL name.`);
  return name;
}

async function readPassword(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
}
