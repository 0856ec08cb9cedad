import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketEncryptionCommand,
  GetBucketEncryptionCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutBucketEncryptionCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { S3Client, ServerSideEncryptionByDefault } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Bucket, get, put, system } from './support/system.js';
import type { System } from './support/system.js';

let c: System;
let s3: S3Client;

beforeAll(async () => {
  c = await system();
  s3 = c.s3;
}, 60_000);
afterAll(() => c[Symbol.asyncDispose]());

test('a bucket is made, seen and removed', async () => {
  const name = { Bucket: 'second.bucket-2' };
  await s3.send(new CreateBucketCommand(name));
  await s3.send(new HeadBucketCommand(name));
  const { Buckets } = await s3.send(new ListBucketsCommand({}));
  expect(Buckets?.map(({ Name }) => Name)).toEqual([Bucket, name.Bucket]);
  expect((await s3.send(new GetBucketLocationCommand(name))).LocationConstraint).toBeUndefined();
  expect((await s3.send(new GetBucketVersioningCommand(name))).Status).toBeUndefined();
  await s3.send(new DeleteBucketCommand(name));
  await expect(s3.send(new HeadBucketCommand(name))).rejects.toMatchObject({ name: 'NotFound' });
});

test('names outside the rules, taken names, other Regions and full buckets are refused', async () => {
  for (const name of ['Up', 'a', 'a..b', '1.2.3.4', 'xn--abc', 'under_score', '-ab', 'x'.repeat(64)]) {
    const raw = c.s3.send(new CreateBucketCommand({ Bucket: name }));
    await expect(raw).rejects.toMatchObject({ name: 'InvalidBucketName' });
  }
  await expect(s3.send(new CreateBucketCommand({ Bucket }))).rejects.toMatchObject({ name: 'BucketAlreadyOwnedByYou' });
  const abroad = { Bucket: 'abroad', CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' as const } };
  await expect(s3.send(new CreateBucketCommand(abroad))).rejects.toMatchObject({
    name: 'IllegalLocationConstraintException',
  });
  await s3.send(new CreateBucketCommand({ Bucket: 'full-bucket' }));
  await s3.send(new PutObjectCommand({ Bucket: 'full-bucket', Key: 'k', Body: 'x' }));
  await expect(s3.send(new DeleteBucketCommand({ Bucket: 'full-bucket' }))).rejects.toMatchObject({
    name: 'BucketNotEmpty',
  });
});

test('default encryption: a rule always, set, used, removed', async () => {
  const rule = async () => {
    const answer = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    return answer.ServerSideEncryptionConfiguration?.Rules?.[0];
  };
  const set = (ApplyServerSideEncryptionByDefault: ServerSideEncryptionByDefault, BucketKeyEnabled = false) => {
    const Rules = [{ ApplyServerSideEncryptionByDefault, BucketKeyEnabled }];
    return s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules } }));
  };
  const aes = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false };
  expect(await rule()).toEqual(aes);
  await set({ SSEAlgorithm: 'aws:kms' }, true);
  const answer = await put(s3, 'by-default', Buffer.from('x'));
  expect(answer).toMatchObject({ ServerSideEncryption: 'aws:kms', BucketKeyEnabled: true });
  expect((await get(s3, 'by-default')).toString()).toBe('x');
  const header = await put(s3, 'by-header', Buffer.from('x'), { ServerSideEncryption: 'AES256' });
  expect(header.ServerSideEncryption).toBe('AES256');
  const wrong = set({ SSEAlgorithm: 'AES256', KMSMasterKeyID: 'alias/x' });
  await expect(wrong).rejects.toMatchObject({ name: 'InvalidArgument' });
  // The key is not looked for until it is needed.
  await set({ SSEAlgorithm: 'aws:kms', KMSMasterKeyID: 'alias/nowhere' });
  await expect(put(s3, 'x', Buffer.from('x'))).rejects.toMatchObject({ name: 'KMS.NotFoundException' });
  await s3.send(new DeleteBucketEncryptionCommand({ Bucket }));
  expect(await rule()).toEqual(aes);
});

test('listings: prefixes, delimiters, pages, order of bytes', async () => {
  const keys = ['a', 'a/b', 'a/c/d', 'a0', 'b/1', 'b/2', 'z\u{10000}', 'z\uffee', 'with space+&', 'ü'];
  await s3.send(new CreateBucketCommand({ Bucket: 'listed-bucket' }));
  for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket: 'listed-bucket', Key, Body: 'x' }));
  const sorted = [...keys].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
  const list = async (options: object) => {
    const names: string[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await s3.send(new ListObjectsV2Command({ Bucket: 'listed-bucket', ...options, ContinuationToken }));
      expect(page.KeyCount).toBe((page.Contents?.length ?? 0) + (page.CommonPrefixes?.length ?? 0));
      names.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ''));
      names.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix ?? ''));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken);
    return names;
  };
  for (const MaxKeys of [1, 2, 3, 1000]) {
    expect(await list({ MaxKeys })).toEqual(sorted);
    const tops = ['a', 'a/', 'a0', 'b/', 'with space+&', 'z\uffee', 'z\u{10000}', 'ü'];
    expect((await list({ MaxKeys, Delimiter: '/' })).sort()).toEqual([...tops].sort());
    expect((await list({ MaxKeys, Delimiter: '/', Prefix: 'a/' })).sort()).toEqual(['a/b', 'a/c/']);
  }
  expect(await list({ StartAfter: 'b/1' })).toEqual(sorted.slice(sorted.indexOf('b/1') + 1));
  expect(await list({ Prefix: 'nothing' })).toEqual([]);
  const v1 = await s3.send(new ListObjectsCommand({ Bucket: 'listed-bucket', MaxKeys: 2, Delimiter: '/' }));
  expect(v1).toMatchObject({ IsTruncated: true, NextMarker: 'a/' });
  const next = await s3.send(new ListObjectsCommand({ Bucket: 'listed-bucket', Marker: 'a/', Delimiter: '/' }));
  expect(next.Contents?.[0]?.Key).toBe('a0');
});

test('virtual-host style', async () => {
  const [, port = ''] = c.cluster.s3Endpoint.split(/:(?=\d)/);
  const virtual = c.client({ endpoint: `http://localhost:${port}`, forcePathStyle: false });
  await put(virtual, 'virtual/key', Buffer.from('v'));
  expect((await get(s3, 'virtual/key')).toString()).toBe('v');
});

test('through edge', async () => {
  const edge = c.client({ endpoint: c.cluster.endpoint });
  await put(edge, 'edge/key', Buffer.alloc(300_000, 7), { ServerSideEncryption: 'aws:kms' });
  expect((await get(edge, 'edge/key')).equals(Buffer.alloc(300_000, 7))).toBe(true);
});
