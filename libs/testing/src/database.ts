import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPool, prepareDatabase, urlWith, withClient, type Pool, type ServiceSchema } from '@keystead/db';
import { brokerVariable } from './global-setup.js';

const schemas = {
  'kms-service': 'kms',
  'iam-service': 'iam',
  'audit-service': 'audit',
  'object-store-gateway': 'gateway',
} as const;

/** A service that keeps something in PostgreSQL. */
export type DatabaseService = keyof typeof schemas;

/** What a service is configured with. */
export interface ServiceDatabase {
  /** KEYSTEAD_DATABASE_URL: the service's own role, without the password. */
  readonly url: string;
  readonly password: string;
  /** KEYSTEAD_DATABASE_PASSWORD_FILE. */
  readonly passwordFile: string;
  readonly schema: string;
}

export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  /** The administrator in this database; the password apart. */
  readonly adminUrl: string;
  readonly adminPassword: string;
  /** Throws for a service that was not named when the database was made. */
  of(service: DatabaseService): ServiceDatabase;
  /** A pool as the service has it: with the service's rights. Ended with the database. */
  pool(service: DatabaseService): Pool;
  /** A pool of the administrator on the service's schema, to look at what the service may not. Ended with the database. */
  adminPool(service: DatabaseService): Pool;
}

/**
 * A fresh database with the schemas, roles and migrations of `services`, on the one PostgreSQL of this test run. Dispose of it
 * (`await using`, or in afterAll): it is dropped. Only under the repository's vitest configuration (its globalSetup).
 */
export async function testDatabase(...services: DatabaseService[]): Promise<TestDatabase> {
  const admin = await fromBroker();
  const name = `test_${randomBytes(8).toString('hex')}`;
  const folder = mkdtempSync(join(tmpdir(), 'keystead-test-'));
  await prepareDatabase({
    ...admin,
    database: name,
    services: services.map((service) => schemaOf(service, admin.adminPassword)),
  });
  const found = new Map(services.map((service) => [service, configured(service, name, folder, admin)] as const));
  const of = (service: DatabaseService): ServiceDatabase => {
    const database = found.get(service);
    if (!database) throw new Error(`testDatabase() was not asked for ${service}.`);
    return database;
  };
  const pools: Pool[] = [];
  const opened = (pool: Pool): Pool => {
    pools.push(pool);
    return pool;
  };
  const adminUrl = urlWith(admin.adminUrl, { database: name, password: undefined });
  return {
    name,
    adminUrl,
    adminPassword: admin.adminPassword,
    of,
    pool: (service) => opened(openPool(of(service))),
    adminPool: (service) =>
      opened(openPool({ url: adminUrl, password: admin.adminPassword, schema: of(service).schema, max: 2 })),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
      rmSync(folder, { recursive: true, force: true });
      await withClient(admin, (client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

interface Admin {
  readonly adminUrl: string;
  readonly adminPassword: string;
}

async function fromBroker(): Promise<Admin> {
  const broker = process.env[brokerVariable];
  if (!broker)
    throw new Error('testDatabase() needs the globalSetup of vitest.config.ts at the root of the repository.');
  const answer = await fetch(broker);
  if (!answer.ok) throw new Error(`No PostgreSQL for tests: ${await answer.text()}`);
  return (await answer.json()) as Admin;
}

function schemaOf(service: DatabaseService, adminPassword: string): ServiceSchema {
  const schema = schemas[service];
  return {
    name: service,
    schema,
    role: `keystead_${schema}`,
    password: rolePassword(schema, adminPassword),
    migrationsDirectory: fileURLToPath(new URL(`../../../apps/${service}/src/store/migrations`, import.meta.url)),
  };
}

/** Roles are shared by all databases of the server, so all files of a run must set the same password. */
function rolePassword(schema: string, adminPassword: string): string {
  return createHash('sha256').update(`${schema}/${adminPassword}`).digest('hex');
}

function configured(
  service: DatabaseService,
  database: string,
  folder: string,
  { adminUrl, adminPassword }: Admin,
): ServiceDatabase {
  const schema = schemas[service];
  const password = rolePassword(schema, adminPassword);
  const passwordFile = join(folder, `${schema}.password`);
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  return {
    url: urlWith(adminUrl, { database, role: `keystead_${schema}`, password: undefined }),
    password,
    passwordFile,
    schema,
  };
}
