import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPool, prepareDatabase, urlWith, withClient, type Pool } from '@keystead/db';
import { KmsServiceService, type Call, type Result } from '@keystead/proto/kms';
import { pipelineClient, requestId, tlsIdentity } from '@keystead/service';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../src/config.js';
import { start } from '../src/main.js';
import { account, root, system, type System } from './support/system.js';
import { wrapMaterial } from './support/wrapping.js';

// A schema of each earlier version, full of data, is brought to the newest, and kms-service goes on with it.

const migrations = fileURLToPath(new URL('../src/store/migrations', import.meta.url));
const files = readdirSync(migrations).sort();
const newest = files.length;
const plaintext = Buffer.from('of an earlier version');
const tables = ['key', 'key_material', 'alias', 'tag', 'key_grant', 'spent_import_token'];

let s: System;
/** What was encrypted, by what its key is. */
const blobs: Record<string, Uint8Array> = {};
const keys: Record<string, string> = {};

beforeAll(async () => {
  s = await system();
  const make = async (name: string, request: object = {}): Promise<string> =>
    (keys[name] = (await s.kms('createKey', { description: name, ...request })).keyMetadata?.keyId ?? '');
  const encrypt = async (name: string, keyId: string): Promise<void> => {
    blobs[name] = (await s.kms('encrypt', { keyId, plaintext })).ciphertextBlob;
  };
  const plain = await make('plain', { tags: [{ tagKey: 'team', tagValue: 'blue' }] });
  await s.kms('createAlias', { aliasName: 'alias/plain', targetKeyId: plain });
  await encrypt('before its rotation', plain);
  await s.kms('rotateKeyOnDemand', { keyId: plain });
  await s.kms('enableKeyRotation', { keyId: plain });
  await encrypt('after its rotation', plain);
  const granting = { granteePrincipal: `arn:aws:iam::${account}:root`, operations: ['Encrypt'] };
  await s.kms('createGrant', { keyId: plain, ...granting });
  await make('signing', { keySpec: 'ECC_NIST_P256', keyUsage: 'SIGN_VERIFY' });
  await s.kms('disableKey', { keyId: await make('disabled') });
  await s.kms('scheduleKeyDeletion', { keyId: await make('dying') });
  await make('waiting', { origin: 'EXTERNAL' });
  const imported = await make('imported', { origin: 'EXTERNAL' });
  await importInto(imported);
  await encrypt('imported', imported);
  const lost = await make('lost', { origin: 'EXTERNAL' });
  await importInto(lost);
  await s.kms('deleteImportedKeyMaterial', { keyId: lost });
});
afterAll(() => s[Symbol.asyncDispose]());

async function importInto(keyId: string): Promise<void> {
  const algorithm = 'RSAES_OAEP_SHA_256';
  const asked = { keyId, wrappingAlgorithm: algorithm, wrappingKeySpec: 'RSA_2048' };
  const { publicKey, importToken } = await s.kms('getParametersForImport', asked);
  const encryptedKeyMaterial = wrapMaterial({ publicKey, algorithm }, randomBytes(32));
  const expirationModel = 'KEY_MATERIAL_DOES_NOT_EXPIRE';
  await s.kms('importKeyMaterial', { keyId, importToken, encryptedKeyMaterial, expirationModel });
}

type Rows = Record<string, unknown>[];

async function rowsOf(pool: Pool, table: string): Promise<Rows> {
  const { rows } = await pool.query<{ row: Rows[number] }>({ text: `select to_jsonb(t) as row from ${table} t` });
  return rows.map(({ row }) => row).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** A database whose schema is of one version, as the program of that version would have left it. */
async function databaseOf(version: number) {
  const { adminUrl, adminPassword } = s.database;
  const name = `test_${randomBytes(8).toString('hex')}`;
  const folder = mkdtempSync(join(tmpdir(), 'keystead-migrations-'));
  const { password, schema } = s.database.of('kms-service');
  const bringTo = async (to: number): Promise<void> => {
    for (const file of files.slice(0, to)) copyFileSync(join(migrations, file), join(folder, file));
    const service = { name: 'kms-service', schema, role: `keystead_${schema}`, password };
    const services = [{ ...service, migrationsDirectory: folder }];
    await prepareDatabase({ adminUrl, adminPassword, database: name, services });
  };
  await bringTo(version);
  const url = urlWith(adminUrl, { database: name, password: undefined });
  const pool = openPool({ url, password: adminPassword, schema, max: 1 });
  return {
    ...{ name, pool, bringTo },
    [Symbol.asyncDispose]: async () => {
      await pool.end();
      rmSync(folder, { recursive: true });
      await withClient({ adminUrl, adminPassword }, (client) => client.query(`drop database ${name} with (force)`));
    },
  };
}

/** Fills an earlier schema with the rows that it could have had: later columns do not exist there. */
async function fill(target: Pool, version: number): Promise<void> {
  const origin = s.database.adminPool('kms-service');
  for (const table of tables) {
    // Columns that are generated are not filled.
    const { rows } = await target.query<{ columns: string | null }>({
      text: `select string_agg(quote_ident(attname), ', ') as columns from pg_attribute
        where attrelid = to_regclass($1) and attnum > 0 and not attisdropped and attgenerated = ''`,
      values: [table],
    });
    const columns = rows[0]?.columns;
    if (!columns) continue;
    const all = await rowsOf(origin, table);
    // Before version 2 nothing was imported.
    const had = version > 1 ? all : all.filter((row) => !imports.has(String(row['key_id'] ?? row['id'])));
    await target.query({
      text: `insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1)`,
      values: [JSON.stringify(had)],
    });
  }
}
let imports: ReadonlySet<string>;
beforeAll(() => {
  imports = new Set([keys['waiting'] ?? '', keys['imported'] ?? '', keys['lost'] ?? '']);
});

describe.each(files.slice(0, -1).map((_, index) => index + 1))('from version %i', (version) => {
  test('every row comes along, and kms-service goes on', { timeout: 120_000 }, async () => {
    await using old = await databaseOf(version);
    await fill(old.pool, version);
    const before = new Map<string, Rows>();
    for (const table of ['key', 'key_material', 'alias', 'tag']) before.set(table, await rowsOf(old.pool, table));
    expect(before.get('key')?.length).toBeGreaterThan(5);
    await old.bringTo(newest);
    const now = s.database.adminPool('kms-service');
    for (const [table, rows] of before) {
      const here = await rowsOf(old.pool, table);
      expect(here).toMatchObject(rows);
      // New columns say what this version would have said of the same rows.
      const wanted = (await rowsOf(now, table)).filter((row) => here.some((one) => sameRow(one, row)));
      expect(here.map(timeless)).toEqual(wanted.map(timeless));
    }
    await goesOn(old.name, version > 1);
  });
});

const sameRow = (a: Rows[number], b: Rows[number]): boolean =>
  ['account', 'id', 'key_id', 'generation', 'name', 'tag_key'].every((column) => a[column] === b[column]);

/** Version 1 did not note when a rotation came, only when its material was made. */
const timeless = ({ rotated_at, ...row }: Rows[number]): Rows[number] => ({ ...row, rotated: rotated_at !== null });

/** A kms-service of today on that database, beside the same HSM. */
async function goesOn(database: string, withImports: boolean): Promise<void> {
  const { url } = s.database.of('kms-service');
  const KEYSTEAD_DATABASE_URL = urlWith(url, { database, password: undefined });
  const running = await start({ ...readConfig({ ...s.kmsEnv, KEYSTEAD_DATABASE_URL }), listen: '127.0.0.1:0' });
  const tls = tlsIdentity(await s.pki.dir('edge'));
  const client = pipelineClient<NonNullable<Call['operation']>, NonNullable<Result['outcome']>>({
    ...{ method: KmsServiceService.pipeline, address: running.address, tls, expected: 'kms-service' },
  });
  try {
    const decrypt = (ciphertextBlob: Uint8Array | undefined) =>
      client.request(
        'decrypt',
        { ciphertextBlob, encryptionContext: {}, grantTokens: [], dryRunModifiers: [], recipient: undefined },
        { context: { ...root, requestId: requestId() } },
      );
    for (const [name, blob] of Object.entries(blobs))
      if (withImports || name !== 'imported')
        expect(Buffer.from((await decrypt(blob)).plaintext), name).toEqual(plaintext);
  } finally {
    client.close();
    tls.close();
    await running.close();
  }
}
