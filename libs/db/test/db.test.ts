import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../src/embedded.js';
import {
  isUniqueViolation,
  openPool,
  prepareDatabase,
  requireSchemaVersion,
  sqlState,
  transaction,
  type Pool,
} from '../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'keystead-db-'));
const migrations = fileURLToPath(new URL('./migrations', import.meta.url));
const passwordFile = join(folder, 'role-password');
let server: EmbeddedPostgres;
let pool: Pool;

const admin = () => ({ adminUrl: server.adminUrl, adminPassword: server.adminPassword, database: 'keystead' });
const sample = { schema: 'sample', password: "it's", migrations };

beforeAll(async () => {
  server = await startEmbeddedPostgres({ folder, fsync: false });
  writeFileSync(passwordFile, `${sample.password}\n`);
  await prepareDatabase(admin(), [sample]);
  const url = `postgres://keystead_sample@127.0.0.1:${server.port}/keystead`;
  pool = openPool({ url, passwordFile, schema: 'sample' });
});

afterAll(async () => {
  await pool.end();
  await server.stop();
  rmSync(folder, { recursive: true });
});

test('preparing again, and by two at once, changes nothing', async () => {
  await Promise.all([prepareDatabase(admin(), [sample]), prepareDatabase(admin(), [sample])]);
  await requireSchemaVersion(pool, 1);
});

test('a service that needs a newer schema says what to do', async () => {
  await expect(requireSchemaVersion(pool, 2)).rejects.toThrow(/version 1, this service needs 2.*keystead db prepare/);
});

test('the role has what the migration grants and no more', async () => {
  await pool.query({ text: 'insert into thing (id, name) values ($1, $2)', values: [9007199254740993n, 'a'] });
  const { rows } = await pool.query<{ id: bigint }>({ name: 'thing_all', text: 'select id from thing' });
  expect(rows).toEqual([{ id: 9007199254740993n }]);
  for (const text of [
    'delete from thing',
    'create table other (id int)',
    'drop table thing',
    'create table public.other (id int)',
  ]) {
    expect(sqlState(await pool.query({ text }).catch((error: unknown) => error))).toMatch(/^42501$|^3F000$/);
  }
});

test('a transaction is rolled back when its work throws', async () => {
  const insert = { text: 'insert into thing (id, name) values (2, $1)', values: ['b'] };
  await expect(
    transaction(pool, async (tx) => {
      await tx.query(insert);
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  await transaction(pool, (tx) => tx.query(insert));
  const again = await transaction(pool, (tx) => tx.query(insert)).catch((error: unknown) => error);
  expect(isUniqueViolation(again, 'thing_pkey')).toBe(true);
});

test('a serialization failure is tried again', async () => {
  let tries = 0;
  const result = await transaction(pool, () => {
    if (++tries < 3) return Promise.reject(Object.assign(new Error('again'), { code: '40001' }));
    return Promise.resolve('done');
  });
  expect([result, tries]).toEqual(['done', 3]);
});

test('a server left running by a killed launcher is stopped, and its data is found again', async () => {
  const before = server.pid;
  await pool.end();
  server = await startEmbeddedPostgres({ folder, port: server.port, fsync: false });
  expect(server.pid).not.toBe(before);
  expect(() => process.kill(before, 0)).toThrow();
  pool = openPool({
    url: `postgres://keystead_sample@127.0.0.1:${server.port}/keystead`,
    passwordFile,
    schema: 'sample',
  });
  expect((await pool.query({ text: 'select count(*)::int as n from thing' })).rows).toEqual([{ n: 2 }]);
});

test('the password of the owner is in a file only the owner can read', () => {
  expect(readFileSync(join(folder, 'password'), 'utf8').trim()).toBe(server.adminPassword);
  expect(server.adminUrl).not.toContain(server.adminPassword);
});
