import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import Postgrator from 'postgrator';
import { connectionOf, identifier } from './pool.js';

export interface MigrateOptions {
  /** postgresql://owner@host:port/…; the owner may create tables in the schema. */
  readonly adminUrl: string;
  readonly adminPassword?: string | undefined;
  readonly database: string;
  /** What errors call it. */
  readonly service: string;
  readonly schema: string;
  /** Files <number>.do.<what>.sql, in order; what was applied may never change. */
  readonly directory: string;
}

/**
 * Brings one schema to the newest version, all of it in one transaction, one starter at a time (they wait on a lock row).
 * Returns the version. Throws when an applied file has changed, or the database is newer than the files.
 */
export async function migrate(options: MigrateOptions): Promise<number> {
  const { adminUrl, adminPassword, database, schema } = options;
  return withClient({ adminUrl, adminPassword, database }, async (client) => {
    await client.query(`set search_path to ${identifier(schema)}`);
    await client.query(`create table if not exists migration_lock (id int primary key)`);
    await client.query(`insert into migration_lock (id) values (1) on conflict do nothing`);
    await client.query('begin');
    try {
      await client.query('select id from migration_lock where id = 1 for update');
      const version = await runMigrations(client, options);
      await client.query('commit');
      return version;
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw new Error(
        `The database schema of ${options.service} cannot be brought up to date: ${(error as Error).message}`,
        { cause: error },
      );
    }
  });
}

async function runMigrations(client: pg.Client, { database, schema, directory }: MigrateOptions): Promise<number> {
  const known = await newestVersion(directory);
  const postgrator = new Postgrator({
    driver: 'pg',
    database,
    currentSchema: schema,
    schemaTable: `${schema}.schema_version`,
    migrationPattern: join(directory, '*.do.*.sql'),
    newline: 'LF',
    execQuery: (text) => client.query(text),
    execSqlScript: async (text) => {
      await client.query(text);
    },
  });
  const found = await postgrator.getDatabaseVersion();
  if (found > known) throw new Error(`it is at version ${found}, newer than this program (${known}).`);
  await postgrator.migrate();
  return known;
}

async function newestVersion(directory: string): Promise<number> {
  const files = await readdir(directory);
  const versions = files.filter((file) => /^\d+\.do\..*sql$/.test(file)).map((file) => parseInt(file, 10));
  if (versions.length === 0) throw new Error(`there are no migrations in ${directory}.`);
  return Math.max(...versions);
}

export interface AdminOptions {
  readonly adminUrl: string;
  readonly adminPassword?: string | undefined;
  /** Default: the one in the URL. */
  readonly database?: string;
}

/** One connection as the administrator, closed in the end. */
export async function withClient<T>(options: AdminOptions, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const connection = connectionOf(options.adminUrl);
  const client = new pg.Client({
    ...connection,
    database: options.database ?? connection.database,
    password: options.adminPassword ?? connection.password,
    connectionTimeoutMillis: 10_000,
    application_name: 'keystead-migrate',
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
