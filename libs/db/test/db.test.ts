import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startEmbedded, type EmbeddedPostgres } from '../src/embedded.js';
import {
  isUniqueViolation,
  openPool,
  prepareDatabase,
  requireSchemaVersion,
  sqlState,
  transaction,
  type Pool,
} from '../src/index.js';
import { scramVerifier } from '../src/scram.js';

const directory = mkdtempSync(join(tmpdir(), 'keystead-db-'));
const migrations = fileURLToPath(new URL('./migrations', import.meta.url));
const passwordFile = join(directory, 'role-password');
let server: EmbeddedPostgres;
let pool: Pool;

const prepared = () => ({
  adminUrl: server.adminUrl,
  adminPassword: server.adminPassword,
  database: 'keystead',
  services: [sample],
});
const settings = { fsync: 'off' };
const sample = {
  name: 'sample-service',
  schema: 'sample',
  role: 'keystead_sample',
  password: "it's",
  migrationsDirectory: migrations,
};

const open = () =>
  openPool({ url: `postgres://keystead_sample@127.0.0.1:${server.port}/keystead`, passwordFile, schema: 'sample' });

beforeAll(async () => {
  server = await startEmbedded({ directory, settings });
  writeFileSync(passwordFile, `${sample.password}\n`);
  await prepareDatabase(prepared());
  pool = open();
});

afterAll(async () => {
  await pool.end();
  await server.stop();
  rmSync(directory, { recursive: true });
});

test('preparing again, and by two at once, changes nothing', async () => {
  await Promise.all([prepareDatabase(prepared()), prepareDatabase(prepared())]);
  await requireSchemaVersion(pool, 1);
});

test('a service that needs a newer schema says what to do', async () => {
  await expect(requireSchemaVersion(pool, 2)).rejects.toThrow(/version 1, this program needs 2/);
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
  server = await startEmbedded({ directory, port: server.port, settings });
  expect(server.pid).not.toBe(before);
  expect(() => process.kill(before, 0)).toThrow();
  pool = open();
  expect((await pool.query({ text: 'select count(*)::int as n from thing' })).rows).toEqual([{ n: 2 }]);
});

test('the password of the owner is in a file only the owner can read', () => {
  expect(readFileSync(join(directory, 'password'), 'utf8').trim()).toBe(server.adminPassword);
  expect(server.adminUrl).not.toContain(server.adminPassword);
});

test('a server that was killed recovers what was committed', async () => {
  await transaction(pool, (tx) => tx.query('insert into thing (id, name) values (3, $1)', ['c']));
  await pool.end();
  process.kill(server.pid, 'SIGKILL');
  await server.exited;
  server = await startEmbedded({ directory, port: server.port, settings });
  pool = open();
  expect((await pool.query('select name from thing where id = 3')).rows).toEqual([{ name: 'c' }]);
});

test('a changed password is found at the next connection', async () => {
  await prepareDatabase({ ...prepared(), services: [{ ...sample, password: 'other' }] });
  writeFileSync(passwordFile, 'other\n');
  const connections = await Promise.all([1, 2, 3].map(() => pool.connect()));
  for (const connection of connections) connection.release();
  expect(pool.totalCount).toBe(3);
});

test('a migration that was changed after it ran is refused', async () => {
  const changed = join(directory, 'changed');
  mkdirSync(changed);
  writeFileSync(join(changed, '001.do.things.sql'), 'create table thing (id bigint);');
  const services = [{ ...sample, migrationsDirectory: changed }];
  await expect(prepareDatabase({ ...prepared(), services })).rejects.toThrow(
    /sample-service cannot be brought up to date: MD5/,
  );
});

test('a broken migration leaves nothing behind, a program that is too old says so', async () => {
  const newer = join(directory, 'newer');
  cpSync(migrations, newer, { recursive: true });
  writeFileSync(join(newer, '002.do.more.sql'), 'create table more (id bigint); select no_such_function();');
  const services = [{ ...sample, migrationsDirectory: newer }];
  await expect(prepareDatabase({ ...prepared(), services })).rejects.toThrow(/no_such_function/);
  writeFileSync(join(newer, '002.do.more.sql'), 'create table more (id bigint);');
  await prepareDatabase({ ...prepared(), services });
  await requireSchemaVersion(pool, 2);
  await expect(prepareDatabase(prepared())).rejects.toThrow(/at version 2, newer than this program \(1\)/);
});

test('no password is in a statement that the server may log', () => {
  const verifier = scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'));
  expect(verifier).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
});
