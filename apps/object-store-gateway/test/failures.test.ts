import { randomBytes } from 'node:crypto';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { sealedLength } from '@keystead/crypto/stream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Backend } from '../src/backend/backend.js';
import { directoryBackend } from '../src/backend/directory/directory.js';
import { rebuildIndex } from '../src/workers/rebuild.js';
import { removeOrphans, sweeper } from '../src/workers/sweep.js';
import { get, put, system } from './support/system.js';
import type { System } from './support/system.js';

let c: System;
let backend: Backend;

beforeAll(async () => {
  c = await system();
  backend = directoryBackend(c.cluster.objects);
}, 60_000);
afterAll(async () => {
  await backend.close();
  await c[Symbol.asyncDispose]();
});

async function files(): Promise<string[]> {
  const all = await readdir(c.cluster.objects, { recursive: true, withFileTypes: true }).catch(() => []);
  return all.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
}

/** The data file that a write made. */
async function dataFileOf(write: () => Promise<unknown>): Promise<string> {
  const before = new Set(await files());
  await write();
  const made = (await files()).filter((file) => !before.has(file) && file.endsWith('.sealed'));
  return made[0] ?? '';
}

describe('a changed blob', () => {
  test('is an error and never an answer', async () => {
    const file = await dataFileOf(() => put(c.s3, 'damaged', randomBytes(200_000)));
    const bytes = await readFile(file);
    bytes[70_000] = (bytes[70_000] ?? 0) ^ 1;
    await writeFile(file, bytes);
    // The first chunk is intact, the second is not: the answer is cut, never completed.
    await expect(get(c.s3, 'damaged')).rejects.toThrow();
    await expect(get(c.s3, 'damaged', { Range: 'bytes=65536-65540' })).rejects.toMatchObject({ name: 'InternalError' });
    expect((await get(c.s3, 'damaged', { Range: 'bytes=0-9' })).length).toBe(10);
  });

  test('of another object is refused', async () => {
    const one = await dataFileOf(() => put(c.s3, 'swap/one', randomBytes(1000)));
    const two = await dataFileOf(() => put(c.s3, 'swap/two', randomBytes(1000)));
    await writeFile(one, await readFile(two));
    await expect(get(c.s3, 'swap/one')).rejects.toMatchObject({ name: 'InternalError' });
  });

  test('that was cut is refused', async () => {
    const file = await dataFileOf(() => put(c.s3, 'cut', randomBytes(131_072)));
    await writeFile(file, (await readFile(file)).subarray(0, sealedLength(131_072) - 16));
    await expect(get(c.s3, 'cut', { Range: 'bytes=-1' })).rejects.toMatchObject({ name: 'InternalError' });
  });
});

test('a record that was changed in the index is noticed', async () => {
  await put(c.s3, 'record', 'text', { ContentType: 'text/plain' });
  const pool = c.cluster.database.adminPool('object-store-gateway');
  await pool.query(
    `update object set record = replace(record, 'text/plain', 'text/html!') where key = 'record'::bytea`,
  );
  await expect(get(c.s3, 'record')).rejects.toMatchObject({ name: 'InternalError' });
});

test('a refused write leaves no file behind', async () => {
  await put(c.s3, 'kept', 'old');
  const before = await files();
  const sha = randomBytes(32).toString('base64');
  await expect(put(c.s3, 'kept', randomBytes(300_000), { ChecksumSHA256: sha })).rejects.toMatchObject({
    name: 'BadDigest',
  });
  expect(await files()).toEqual(before);
  expect((await get(c.s3, 'kept')).toString()).toBe('old');
});

test('what many overwrite at once becomes garbage but for one', async () => {
  await put(c.s3, 'crowd', 'first');
  await Promise.all(Array.from({ length: 10 }, (_, i) => put(c.s3, 'crowd', String(i))));
  const pool = c.cluster.database.adminPool('object-store-gateway');
  const { rows } = await pool.query<{ named: bigint; garbage: bigint }>(
    `select (select count(*) from object where key = 'crowd'::bytea) as named, (select count(*) from garbage) as garbage`,
  );
  expect(rows[0]).toEqual({ named: 1n, garbage: 10n });
});

test('what was overwritten and deleted is swept away', async () => {
  const first = await dataFileOf(() => put(c.s3, 'swept', '1'));
  const second = await dataFileOf(() => put(c.s3, 'swept', '2'));
  await c.s3.send(new DeleteObjectCommand({ Bucket: 'bucket-one', Key: 'swept' }));
  const pool = c.cluster.database.pool('object-store-gateway');
  const worker = sweeper({ pool, backend, log: { warn: () => undefined } as never });
  await worker.sweep(0);
  await worker.close();
  const left = await files();
  expect(left).not.toContain(first);
  expect(left).not.toContain(second);
});

test('a part that is sent again while its upload is completed does not take bytes from the object', async () => {
  const named = { Bucket: 'bucket-one', Key: 'again' };
  const { UploadId } = await c.s3.send(new CreateMultipartUploadCommand(named));
  const send = (Body: string) => c.s3.send(new UploadPartCommand({ ...named, UploadId, PartNumber: 1, Body }));
  const { ETag } = await send('first');
  const admin = c.cluster.database.adminPool('object-store-gateway');
  const holder = await admin.connect();
  const waiting = async (): Promise<number> => {
    const { rows } = await admin.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock'`);
    return rows.length;
  };
  try {
    await holder.query('begin');
    await holder.query('select 1 from upload where id = $1 for update', [UploadId]);
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    const completed = c.s3.send(new CompleteMultipartUploadCommand({ ...named, UploadId, MultipartUpload }));
    await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 20_000 });
    let late: unknown;
    const again = send('again').then(
      () => (late = 'kept'),
      (error: unknown) => (late = error),
    );
    await vi.waitFor(async () => expect(late ?? (await waiting()) === 2).toBeTruthy(), { timeout: 20_000 });
    await holder.query('commit');
    await completed;
    await again;
    expect(late).toMatchObject({ name: 'NoSuchUpload' });
  } finally {
    holder.release();
  }
  const { rows } = await admin.query(`select 1 from garbage g join object o on g.blob = any(o.blobs)`);
  expect(rows).toEqual([]);
  expect((await get(c.s3, 'again')).toString()).toBe('first');
});

test('a completion that is refused leaves no record for a rebuild', async () => {
  await put(c.s3, 'there', 'old');
  const named = { Bucket: 'bucket-one', Key: 'there' };
  const { UploadId } = await c.s3.send(new CreateMultipartUploadCommand(named));
  const { ETag } = await c.s3.send(new UploadPartCommand({ ...named, UploadId, PartNumber: 1, Body: 'new' }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  const complete = new CompleteMultipartUploadCommand({ ...named, UploadId, MultipartUpload, IfNoneMatch: '*' });
  await expect(c.s3.send(complete)).rejects.toMatchObject({ name: 'PreconditionFailed' });
  await rebuildIndex(c.cluster.database.pool('object-store-gateway'), backend, '000000000000');
  expect((await get(c.s3, 'there')).toString()).toBe('old');
  await c.s3.send(new AbortMultipartUploadCommand({ ...named, UploadId }));
});

test('orphans of crashes are removed when nothing names them', async () => {
  const blob = `bucket-one/${'ab'.repeat(16)}`;
  const writer = await backend.create(blob, 3);
  await writer.write([Buffer.from('abc')]);
  await writer.commit();
  const pool = c.cluster.database.pool('object-store-gateway');
  expect(await removeOrphans(pool, backend)).toBe(0);
  expect(await removeOrphans(pool, backend, 0)).toBeGreaterThan(0);
  expect(await collect(backend)).not.toContain(blob);
  expect((await get(c.s3, 'kept')).toString()).toBe('old');
});

test('the index is rebuilt from what lies beside the objects', async () => {
  await put(c.s3, 'rebuilt/ü', 'contents', { Metadata: { a: 'b' }, ServerSideEncryption: 'aws:kms' });
  await put(c.s3, 'rebuilt/twice', 'old');
  await put(c.s3, 'rebuilt/twice', 'new');
  await put(c.s3, 'rebuilt/deleted', 'x');
  await c.s3.send(new DeleteObjectCommand({ Bucket: 'bucket-one', Key: 'rebuilt/deleted' }));
  const pool = c.cluster.database.pool('object-store-gateway');
  for (const table of ['object', 'bucket']) await pool.query(`delete from ${table}`);
  const report = await rebuildIndex(pool, backend, '000000000000');
  expect(report.restored).toBeGreaterThan(2);
  expect((await get(c.s3, 'rebuilt/ü')).toString()).toBe('contents');
  expect((await get(c.s3, 'rebuilt/twice')).toString()).toBe('new');
  await expect(get(c.s3, 'rebuilt/deleted')).rejects.toMatchObject({ name: 'NoSuchKey' });
  const again = await rebuildIndex(pool, backend, '000000000000');
  expect(again.restored).toBe(0);
});

test('without the log no long body is written', async () => {
  await using broken = await system({ KEYSTEAD_AUDIT_ADDRESS: '127.0.0.1:1' });
  await expect(put(broken.s3, 'x', 'x'.repeat((1 << 20) + 1))).rejects.toMatchObject({
    $metadata: { httpStatusCode: 500 },
  });
  const left = await readdir(broken.cluster.objects, { recursive: true }).catch(() => []);
  expect(left.filter((name) => name.endsWith('.sealed'))).toEqual([]);
}, 60_000);

test.each([
  ['under a key of KMS', { ServerSideEncryption: 'aws:kms' }],
  ['under the key of the service', {}],
] as const)(
  'a short PUT %s waits in the outbox for the log as long as all changes do; nothing is read',
  async (_, sse) => {
    await using broken = await system({ KEYSTEAD_AUDIT_ADDRESS: '127.0.0.1:1' });
    const status = async (): Promise<number | undefined> => {
      try {
        await put(broken.s3, 'x', 'x', sse);
        return 200;
      } catch (error) {
        return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
      }
    };
    expect(await status()).toBe(200);
    // The refusal cannot be recorded either.
    await expect.poll(status, { timeout: 30_000, interval: 500 }).toBe(500);
    await expect(get(broken.s3, 'x')).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
  },
  60_000,
);

async function collect(from: Backend): Promise<string[]> {
  const blobs: string[] = [];
  for await (const { blob } of from.blobs()) blobs.push(blob);
  return blobs;
}
