import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMinio } from '@keystead/testing/minio';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { BlobMissing } from '../src/backend/backend.js';
import type { Backend } from '../src/backend/backend.js';
import { directoryBackend } from '../src/backend/directory/directory.js';
import { s3Backend } from '../src/backend/s3/store.js';
import { blobName } from '../src/domain/blob-name.js';

const { minio, reason } = await startMinio();

describe('the directory', () => {
  const root = mkdtemp(join(tmpdir(), 'keystead-objects-'));
  afterAll(async () => rm(await root, { recursive: true }));
  contract(async () => directoryBackend(await root));
});

describe('an S3 store', () => {
  beforeEach((context) => context.skip(reason !== undefined, reason));
  afterAll(async () => minio?.stop());
  contract(() => {
    if (!minio) throw new Error(reason);
    const { endpoint, accessKeyId, secretAccessKey, region } = minio;
    const bucketPrefix = `keystead-${randomBytes(4).toString('hex')}-`;
    return s3Backend({ endpoint, accessKeyId, secretAccessKey, region, bucketPrefix });
  });
});

function contract(open: () => Promise<Backend>): void {
  let backend: Promise<Backend> | undefined;
  const store = (): Promise<Backend> => (backend ??= open());
  const name = (): string => blobName('a-bucket', new Date(), randomBytes(12));
  afterAll(async () => (await backend)?.close());

  test('gives back what was written, whole and in ranges', async () => {
    const blob = name();
    const bytes = randomBytes(3_000_000);
    await write(await store(), blob, bytes, 70_000);
    expect((await read(await store(), blob, 0, bytes.length)).equals(bytes)).toBe(true);
    expect((await read(await store(), blob, 65_000, 2_100_001)).equals(bytes.subarray(65_000, 2_100_001))).toBe(true);
  });

  test('takes thousands of pieces at once', async () => {
    const blob = name();
    const writer = await (await store()).create(blob, 5_000);
    await writer.write(Array.from({ length: 5_000 }, (_, i) => Uint8Array.of(i & 255)));
    await writer.commit();
    expect((await read(await store(), blob, 4_999, 5_000))[0]).toBe(4_999 & 255);
  });

  test('a blob that was aborted, or never written, is missing', async () => {
    const blob = name();
    const writer = await (await store()).create(blob, 10);
    await writer.write([Buffer.from('12345')]);
    await writer.abort();
    await expect(read(await store(), blob, 0, 5)).rejects.toThrow(BlobMissing);
    await expect(read(await store(), name(), 0, 5)).rejects.toThrow(BlobMissing);
  });

  test('refuses to commit fewer bytes than announced', async () => {
    const writer = await (await store()).create(name(), 10);
    await writer.write([Buffer.from('12345')]);
    await expect(writer.commit()).rejects.toThrow('wrote 5 of 10 bytes');
    await writer.abort();
  });

  test('does not read behind the end', async () => {
    const blob = name();
    await write(await store(), blob, Buffer.from('0123456789'), 3);
    await expect(read(await store(), blob, 5, 20)).rejects.toThrow();
  });

  test('lists blobs and records, and removes both', async () => {
    const [beside, within] = [name(), name()];
    const record = Buffer.from('a record');
    await write(await store(), beside, Buffer.from('sealed'), 6);
    await (await store()).putRecord(beside, record);
    await write(await store(), within, Buffer.from('sealed'), 6, record);
    for (const blob of [beside, within]) {
      expect(await collect((await store()).records())).toContainEqual({ blob, record });
      expect((await collect((await store()).blobs())).map((entry) => entry.blob)).toContain(blob);
      expect((await read(await store(), blob, 0, 6)).toString()).toBe('sealed');
    }
    await (await store()).remove([beside, within]);
    await (await store()).remove([beside, within]);
    for (const blob of [beside, within]) {
      expect((await collect((await store()).records())).map((entry) => entry.blob)).not.toContain(blob);
      await expect(read(await store(), blob, 0, 5)).rejects.toThrow(BlobMissing);
    }
  });

  test('a record that was removed counts no more, and its blob can still be read', async () => {
    const [beside, within] = [name(), name()];
    const record = Buffer.from('a record');
    await write(await store(), beside, Buffer.from('sealed'), 6);
    await (await store()).putRecord(beside, record);
    await write(await store(), within, Buffer.from('sealed'), 6, record);
    for (const blob of [beside, within]) {
      await (await store()).removeRecord(blob);
      expect((await collect((await store()).records())).map((entry) => entry.blob)).not.toContain(blob);
      expect((await read(await store(), blob, 0, 6)).toString()).toBe('sealed');
    }
    await (await store()).remove([beside, within]);
    expect((await collect((await store()).blobs())).map((entry) => entry.blob)).not.toContain(within);
  });

  test('keeps a record that is longer than was said, or longer than a page', async () => {
    const [longer, long] = [name(), name()];
    const record = randomBytes(20_000);
    await write(await store(), longer, Buffer.from('sealed'), 6, record, 10);
    await write(await store(), long, Buffer.from('sealed'), 6, record);
    const records = await collect((await store()).records());
    expect(records).toContainEqual({ blob: longer, record });
    expect(records).toContainEqual({ blob: long, record });
  });

  test('reads many at once, leaves some in the middle, and serves on', async () => {
    const bytes = randomBytes(5_000_000);
    const blob = name();
    await write(await store(), blob, bytes, 1_000_000);
    const all = Array.from({ length: 12 }, async (_, n) => {
      const reader = await (await store()).read(blob, n, bytes.length);
      const first = Buffer.from((await reader.next()) ?? []);
      expect(first.equals(bytes.subarray(n, n + first.length))).toBe(true);
      await reader.close();
      expect((await read(await store(), blob, n * 7, bytes.length)).equals(bytes.subarray(n * 7))).toBe(true);
    });
    await Promise.all(all);
  });

  test('refuses names that could leave their place', async () => {
    for (const bad of [
      '../x',
      'a-bucket/../../etc/passwd',
      '/etc/passwd',
      'a..b/' + '0'.repeat(32),
      'bucket/ABC',
      '',
    ]) {
      await expect((async () => (await store()).read(bad, 0, 1))()).rejects.toThrow(RangeError);
      await expect((async () => (await store()).create(bad, 1))()).rejects.toThrow(RangeError);
    }
  });
}

async function write(
  backend: Backend,
  blob: string,
  bytes: Buffer,
  piece: number,
  record?: Buffer,
  recordRoom = record && record.length + 100,
): Promise<void> {
  const writer = await backend.create(blob, bytes.length, recordRoom);
  for (let at = 0; at < bytes.length; at += piece) await writer.write([bytes.subarray(at, at + piece)]);
  await writer.commit(record);
}

async function read(backend: Backend, blob: string, start: number, end: number): Promise<Buffer> {
  const reader = await backend.read(blob, start, end);
  const pieces: Buffer[] = [];
  try {
    for (let piece = await reader.next(); piece; piece = await reader.next()) pieces.push(Buffer.from(piece));
  } finally {
    await reader.close();
  }
  return Buffer.concat(pieces);
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
