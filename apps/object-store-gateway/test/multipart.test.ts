import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { ChecksumType, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChecksum } from '../src/domain/checksum/algorithms.js';
import { Bucket, get, put, system } from './support/system.js';
import type { System } from './support/system.js';

const MIB = 1024 * 1024;
let c: System;
let s3: S3Client;

beforeAll(async () => {
  c = await system();
  s3 = c.s3;
}, 60_000);
afterAll(() => c[Symbol.asyncDispose]());

async function begin(Key: string, more: object = {}): Promise<string> {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }));
  return UploadId ?? '';
}

async function upload(Key: string, UploadId: string, PartNumber: number, Body: Buffer) {
  const answer = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
  return { PartNumber, ETag: answer.ETag, ChecksumCRC32: answer.ChecksumCRC32 };
}

describe.each(['AES256', 'aws:kms'] as const)('%s', (ServerSideEncryption) => {
  const Key = `multi/${ServerSideEncryption}`;
  const parts = [randomBytes(5 * MIB), randomBytes(5 * MIB + 12_345), randomBytes(7)];
  const whole = Buffer.concat(parts);

  beforeAll(async () => {
    const UploadId = await begin(Key, { ServerSideEncryption, Metadata: { m: 'p' } });
    // Out of order, and one part twice: the last one counts.
    await upload(Key, UploadId, 3, Buffer.from('replaced'));
    const sent = [];
    for (const n of [3, 1, 2]) sent.push(await upload(Key, UploadId, n, parts[n - 1] ?? Buffer.alloc(0)));
    const Parts = sent
      .sort((a, b) => a.PartNumber - b.PartNumber)
      .map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    const done = await s3.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    );
    expect(done).toMatchObject({
      Key,
      ServerSideEncryption,
      ETag: expect.stringMatching(/^"[0-9a-f]{32}-3"$/) as string,
    });
  });

  test('comes back whole, over part boundaries, and by part', async () => {
    expect((await get(s3, Key)).equals(whole)).toBe(true);
    const Range = `bytes=${5 * MIB - 3}-${10 * MIB + 12_346}`;
    expect((await get(s3, Key, { Range })).equals(whole.subarray(5 * MIB - 3, 10 * MIB + 12_347))).toBe(true);
    const second = await s3.send(new GetObjectCommand({ Bucket, Key, PartNumber: 2 }));
    expect(second).toMatchObject({ PartsCount: 3, ContentLength: parts[1]?.length });
    expect(Buffer.from((await second.Body?.transformToByteArray()) ?? []).equals(parts[1] ?? whole)).toBe(true);
    await expect(get(s3, Key, { PartNumber: 4 })).rejects.toMatchObject({ name: 'InvalidPartNumber' });
  });

  test('HEAD tells plaintext sizes', async () => {
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key }));
    expect(head).toMatchObject({ ContentLength: whole.length, ServerSideEncryption, Metadata: { m: 'p' } });
  });
});

describe.each([
  ['COMPOSITE', undefined],
  ['FULL_OBJECT', 'FULL_OBJECT'],
] as const)('a CRC32 of type %s', (expected, ChecksumType: ChecksumType | undefined) => {
  test('is that of the parts or of the whole', async () => {
    const Key = `crc/${expected}`;
    const parts = [randomBytes(5 * MIB), randomBytes(100)];
    const UploadId = await begin(Key, { ChecksumAlgorithm: 'CRC32', ChecksumType });
    const Parts = [];
    for (const [i, body] of parts.entries()) Parts.push(await upload(Key, UploadId, i + 1, body));
    const done = await s3.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    );
    expect(done.ChecksumType).toBe(expected);
    if (expected === 'COMPOSITE') expect(done.ChecksumCRC32).toMatch(/-2$/);
    else expect(done.ChecksumCRC32).toBe(crc32(Buffer.concat(parts)));
  });
});

test('lib-storage uploads a large object in parts', async () => {
  const body = randomBytes(12 * MIB + 1);
  const params = { Bucket, Key: 'lib', Body: body, ServerSideEncryption: 'aws:kms' } as const;
  await new Upload({ client: s3, params, partSize: 5 * MIB, queueSize: 3 }).done();
  expect((await get(s3, 'lib')).equals(body)).toBe(true);
});

test('parts can be copied from ranges of other objects', async () => {
  const source = randomBytes(6 * MIB);
  await put(s3, 'copied from', source, { ServerSideEncryption: 'aws:kms' });
  const Key = 'copied to';
  const UploadId = await begin(Key);
  const CopySource = `${Bucket}/copied%20from`;
  const copy = async (PartNumber: number, CopySourceRange: string) => {
    const { CopyPartResult } = await s3.send(
      new UploadPartCopyCommand({ Bucket, Key, UploadId, PartNumber, CopySource, CopySourceRange }),
    );
    return { PartNumber, ETag: CopyPartResult?.ETag };
  };
  const Parts = [await copy(1, `bytes=${MIB}-${6 * MIB - 1}`), await copy(2, 'bytes=0-9')];
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  const expected = Buffer.concat([source.subarray(MIB), source.subarray(0, 10)]);
  expect((await get(s3, Key)).equals(expected)).toBe(true);
  await expect(copy(3, 'bytes=0-99999999')).rejects.toMatchObject({ name: 'NoSuchUpload' });
});

test('lists of parts and uploads, and aborting', async () => {
  const Key = 'listed';
  const UploadId = await begin(Key);
  const other = await begin(Key);
  for (const n of [1, 2, 5]) await upload(Key, UploadId, n, Buffer.from(`part ${n}`));
  const first = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId, MaxParts: 2 }));
  expect(first).toMatchObject({ IsTruncated: true, NextPartNumberMarker: '2' });
  const rest = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId, PartNumberMarker: '2' }));
  expect(rest.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([[5, 6]]);
  const ids = async (more: object) => {
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket, ...more }));
    return (Uploads ?? []).map((found) => found.UploadId).sort();
  };
  expect(await ids({ Prefix: 'list' })).toEqual([UploadId, other].sort());
  expect(await ids({ KeyMarker: Key })).toEqual([]);
  await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId: other }));
  expect(await ids({ Prefix: 'listed' })).toEqual([UploadId]);
  await expect(upload(Key, other, 1, Buffer.from('x'))).rejects.toMatchObject({ name: 'NoSuchUpload' });
});

describe('a completion is refused', () => {
  const complete = (Key: string, UploadId: string, Parts: { PartNumber: number; ETag: string | undefined }[]) =>
    s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));

  test('when a part is small, missing, or named in the wrong order', async () => {
    const Key = 'refused';
    const UploadId = await begin(Key);
    const one = await upload(Key, UploadId, 1, Buffer.from('small'));
    const two = await upload(Key, UploadId, 2, Buffer.from('also small'));
    await expect(complete(Key, UploadId, [one, two])).rejects.toMatchObject({ name: 'EntityTooSmall' });
    await expect(complete(Key, UploadId, [two, one])).rejects.toMatchObject({ name: 'InvalidPartOrder' });
    const missing = { PartNumber: 3, ETag: one.ETag };
    await expect(complete(Key, UploadId, [one, missing])).rejects.toMatchObject({ name: 'InvalidPart' });
    await expect(complete(Key, 'nonsense', [one])).rejects.toMatchObject({ name: 'NoSuchUpload' });
    await complete(Key, UploadId, [one]);
    expect((await get(s3, Key)).toString()).toBe('small');
  });
});

function crc32(bytes: Buffer): string {
  const running = startChecksum('CRC32');
  running.update(bytes);
  return running.digest();
}
