import type pg from 'pg';
import { migrate, withClient, type AdminOptions } from './migrate.js';
import { identifier } from './pool.js';
import { scramVerifier } from './scram.js';
import { sqlState } from './transaction.js';

export interface ServiceSchema {
  /** For example "kms-service". */
  readonly name: string;
  /** For example "kms". */
  readonly schema: string;
  /** The role the service logs in with, for example "keystead_kms". It owns nothing; migrations grant it what it needs. */
  readonly role: string;
  /** ASCII. */
  readonly password: string;
  readonly migrationsDirectory: string;
}

export interface PrepareOptions extends AdminOptions {
  readonly database: string;
  readonly services: readonly ServiceSchema[];
}

/**
 * Makes the database, the roles (log in, nothing else), the schemas and their tables, or brings them up to date; passwords
 * are set anew. May run any number of times, also twice at once. The administrator owns everything.
 */
export async function prepareDatabase({ database, services, ...admin }: PrepareOptions): Promise<void> {
  await withClient(admin, async (client) => {
    await unlessThere(client, `create database ${identifier(database)}`);
    for (const service of services) await prepareRole(client, database, service);
  });
  await withClient({ ...admin, database }, async (client) => {
    await twice(() => client.query('revoke all on schema public from public'));
    await twice(() => client.query(`revoke connect on database ${database} from public`));
    for (const service of services) await prepareSchema(client, service);
  });
  for (const { name, schema, role, migrationsDirectory } of services) {
    await migrate({ ...admin, database, service: name, schema, directory: migrationsDirectory });
    await withClient({ ...admin, database }, (client) =>
      client.query(`grant select on ${schema}.schema_version to ${role}`),
    );
  }
}

async function prepareRole(client: pg.Client, database: string, { role, password }: ServiceSchema): Promise<void> {
  await unlessThere(client, `create role ${identifier(role)} login`);
  const rights = 'login nosuperuser nocreatedb nocreaterole noreplication nobypassrls';
  await twice(() => client.query(`alter role ${role} with ${rights} password '${scramVerifier(password)}'`));
  await twice(() => client.query(`grant connect on database ${database} to ${role}`));
}

async function prepareSchema(client: pg.Client, { schema, role }: ServiceSchema): Promise<void> {
  await unlessThere(client, `create schema ${identifier(schema)}`);
  await twice(() => client.query(`grant usage on schema ${schema} to ${role}`));
}

/** duplicate_database, duplicate_object, duplicate_schema, unique_violation (two at once). */
const there = new Set(['42P04', '42710', '42P06', '23505']);

async function unlessThere(client: pg.Client, statement: string): Promise<void> {
  try {
    await client.query(statement);
  } catch (error) {
    if (!there.has(sqlState(error) ?? '')) throw error;
  }
}

/** "tuple concurrently updated": another starter sets the same at the same moment. */
async function twice(run: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await run();
      return;
    } catch (error) {
      if (attempt === 5 || sqlState(error) !== 'XX000') throw error;
      await new Promise((later) => setTimeout(later, 20 * (attempt + 1)));
    }
  }
}
