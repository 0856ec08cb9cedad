import { randomBytes } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectAclCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Bucket, get, put, system } from './support/system.js';
import type { System } from './support/system.js';

let c: System;
let s3: S3Client;

beforeAll(async () => {
  c = await system();
  s3 = c.s3;
}, 60_000);
afterAll(() => c[Symbol.asyncDispose]());

describe.each(['AES256', 'aws:kms'] as const)('%s', (ServerSideEncryption) => {
  test.each([0, 1, 65_535, 65_536, 65_537, 3_000_000])('%i bytes come back', async (size) => {
    const body = randomBytes(size);
    const Key = `${ServerSideEncryption}/größe ${size}+&?#.bin`;
    const answer = await put(s3, Key, body, { ServerSideEncryption });
    expect(answer).toMatchObject({ ServerSideEncryption, ChecksumType: 'FULL_OBJECT' });
    expect((await get(s3, Key)).equals(body)).toBe(true);
  });
});

test('the answer tells the MD5 for AES256, and nothing that looks like one otherwise', async () => {
  const body = Buffer.from('hello');
  expect((await put(s3, 'md5', body)).ETag).toBe('"5d41402abc4b2a76b9719d911017c592"');
  const { ETag } = await put(s3, 'md5', body, { ServerSideEncryption: 'aws:kms' });
  expect(ETag).toMatch(/^"[0-9a-f]{32}"$/);
  expect(ETag).not.toBe('"5d41402abc4b2a76b9719d911017c592"');
});

test('metadata comes back, and response-* parameters change it for one answer', async () => {
  await put(s3, 'meta', Buffer.from('x'), {
    ContentType: 'text/plain',
    CacheControl: 'no-store',
    ContentEncoding: 'identity',
    Metadata: { one: '1', two: 'zwei' },
  });
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'meta' }));
  expect(head).toMatchObject({
    ContentType: 'text/plain',
    CacheControl: 'no-store',
    Metadata: { one: '1', two: 'zwei' },
    ContentLength: 1,
    ServerSideEncryption: 'AES256',
  });
  const changed = await s3.send(new GetObjectCommand({ Bucket, Key: 'meta', ResponseContentType: 'text/html' }));
  expect(changed.ContentType).toBe('text/html');
});

describe('ranges', () => {
  const body = randomBytes(200_000);
  beforeAll(() => put(s3, 'range', body, { ServerSideEncryption: 'aws:kms' }));

  test.each([
    ['bytes=0-0', 0, 1],
    ['bytes=65535-65536', 65_535, 65_537],
    ['bytes=131072-', 131_072, 200_000],
    ['bytes=-5', 199_995, 200_000],
    ['bytes=-999999', 0, 200_000],
    ['bytes=10-99999999', 10, 200_000],
  ])('%s', async (Range, from, to) => {
    const answer = await s3.send(new GetObjectCommand({ Bucket, Key: 'range', Range }));
    const bytes = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
    expect(bytes.equals(body.subarray(from, to))).toBe(true);
    expect(answer).toMatchObject({ ContentRange: `bytes ${from}-${to - 1}/200000`, ContentLength: to - from });
    expect(answer.$metadata.httpStatusCode).toBe(206);
  });

  test('behind the end', async () => {
    await expect(get(s3, 'range', { Range: 'bytes=200000-' })).rejects.toMatchObject({ name: 'InvalidRange' });
  });
});

describe('conditions', () => {
  test('of reads', async () => {
    const { ETag } = await put(s3, 'cond', Buffer.from('a'));
    await expect(get(s3, 'cond', { IfMatch: '"other"' })).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await expect(get(s3, 'cond', { IfNoneMatch: ETag })).rejects.toMatchObject({
      $metadata: { httpStatusCode: 304 },
    });
    await expect(get(s3, 'cond', { IfModifiedSince: new Date(Date.now() + 60_000) })).rejects.toMatchObject({
      $metadata: { httpStatusCode: 304 },
    });
    expect((await get(s3, 'cond', { IfMatch: ETag })).toString()).toBe('a');
  });

  test('of writes', async () => {
    await put(s3, 'once', Buffer.from('first'), { IfNoneMatch: '*' });
    await expect(put(s3, 'once', Buffer.from('second'), { IfNoneMatch: '*' })).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
    expect((await get(s3, 'once')).toString()).toBe('first');
  });

  test('one of many at once wins', async () => {
    const all = Array.from({ length: 8 }, (_, i) => put(s3, 'race', Buffer.from(String(i)), { IfNoneMatch: '*' }));
    const results = await Promise.allSettled(all);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

test('a checksum that is not that of the body is refused, and nothing is stored', async () => {
  const wrong = put(s3, 'checked', Buffer.from('body'), { ChecksumSHA256: randomBytes(32).toString('base64') });
  await expect(wrong).rejects.toMatchObject({ name: 'BadDigest' });
  await expect(get(s3, 'checked')).rejects.toMatchObject({ name: 'NoSuchKey' });
});

test.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
  'a %s is checked and comes back',
  async (alg) => {
    const body = randomBytes(100_000);
    const Key = `checksum/${alg}`;
    // The SDK computes CRC64NVME only with a native module: such a value is sent by the CLI's own tests.
    if (alg === 'CRC64NVME') return;
    const answer = await put(s3, Key, body, { ChecksumAlgorithm: alg });
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
    expect(head[`Checksum${alg}`]).toBe(answer[`Checksum${alg}`]);
    expect((await get(s3, Key)).equals(body)).toBe(true);
  },
);

test('an object that is overwritten or deleted leaves the index at once', async () => {
  await put(s3, 'gone', Buffer.from('1'));
  await put(s3, 'gone', Buffer.from('2'));
  expect((await get(s3, 'gone')).toString()).toBe('2');
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'gone' }));
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'gone' }));
  await expect(get(s3, 'gone')).rejects.toMatchObject({ name: 'NoSuchKey' });
});

test('DeleteObjects answers for each', async () => {
  for (const key of ['d/1', 'd/&<2>']) await put(s3, key, Buffer.from('x'));
  const Objects = [{ Key: 'd/1' }, { Key: 'd/&<2>' }, { Key: 'd/never' }];
  const { Deleted } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  expect(Deleted?.map(({ Key }) => Key)).toEqual(['d/1', 'd/&<2>', 'd/never']);
  await expect(get(s3, 'd/&<2>')).rejects.toMatchObject({ name: 'NoSuchKey' });
});

describe('copies', () => {
  test('take metadata, or replace it', async () => {
    await put(s3, 'src', Buffer.from('copy me'), { Metadata: { a: 'b' }, ContentType: 'text/css' });
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'dst/ü', CopySource: `${Bucket}/src` }));
    expect((await get(s3, 'dst/ü')).toString()).toBe('copy me');
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'dst/ü' }));
    expect(head).toMatchObject({ Metadata: { a: 'b' }, ContentType: 'text/css' });
    const replace = { MetadataDirective: 'REPLACE', Metadata: { c: 'd' } } as const;
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'dst2', CopySource: `/${Bucket}/dst%2F%C3%BC`, ...replace }));
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: 'dst2' }))).Metadata).toEqual({ c: 'd' });
  });

  test('onto itself only with a change, for example of the key', async () => {
    await put(s3, 'self', Buffer.from('rekey'), { ServerSideEncryption: 'AES256' });
    const onto = { Bucket, Key: 'self', CopySource: `${Bucket}/self` };
    await expect(s3.send(new CopyObjectCommand(onto))).rejects.toMatchObject({ name: 'InvalidRequest' });
    const answer = await s3.send(new CopyObjectCommand({ ...onto, ServerSideEncryption: 'aws:kms' }));
    expect(answer.ServerSideEncryption).toBe('aws:kms');
    expect((await get(s3, 'self')).toString()).toBe('rekey');
  });

  test('do not inherit the encryption of their source', async () => {
    await put(s3, 'kms-src', Buffer.from('x'), { ServerSideEncryption: 'aws:kms' });
    const answer = await s3.send(new CopyObjectCommand({ Bucket, Key: 'plain-dst', CopySource: `${Bucket}/kms-src` }));
    expect(answer.ServerSideEncryption).toBe('AES256');
  });
});

test('what lies in the backend is ciphertext, with the wrapped key beside it', async () => {
  const secret = 'a sentence that must not be found on the disk';
  await put(s3, 'secret', Buffer.from(secret.repeat(100)), { ServerSideEncryption: 'aws:kms' });
  const files = await readdir(c.cluster.objects, { recursive: true, withFileTypes: true });
  const contents = files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name)));
  const all = Buffer.concat(await Promise.all(contents));
  expect(all.includes(secret)).toBe(false);
  expect(all.includes('"key":"secret"')).toBe(true);
  expect(all.includes('"wrappedKey":"')).toBe(true);
});

test('the other operations are told that they are missing, by name', async () => {
  const Key = 'x';
  const calls = {
    GetBucketPolicy: () => s3.send(new GetBucketPolicyCommand({ Bucket })),
    PutObjectTagging: () => s3.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet: [] } })),
    PutObjectAcl: () => s3.send(new PutObjectAclCommand({ Bucket, Key, ACL: 'private' })),
    ListObjectVersions: () => s3.send(new ListObjectVersionsCommand({ Bucket })),
  };
  for (const [name, call] of Object.entries(calls)) {
    const message = expect.stringContaining(name.replace(/^List/, '')) as string;
    await expect(call()).rejects.toMatchObject({ name: 'NotImplemented', message });
  }
});
