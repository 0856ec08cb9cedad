import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { IAMClient, UpdateAccessKeyCommand } from '@aws-sdk/client-iam';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, textOf } from '../src/s3/xml.js';
import { Bucket, get, put, system } from './support/system.js';
import type { System } from './support/system.js';

let c: System;

beforeAll(async () => {
  c = await system();
  await put(c.s3, 'kept', 'kept');
}, 60_000);
afterAll(() => c[Symbol.asyncDispose]());

test('an ETag that no header can hold is answered like any other wrong one', async () => {
  const { UploadId } = await c.s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'etag' }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: '"\u2028\u0001"' }] };
  const complete = new CompleteMultipartUploadCommand({ Bucket, Key: 'etag', UploadId, MultipartUpload });
  await expect(c.s3.send(complete)).rejects.toMatchObject({ name: 'InvalidPart' });
  await expect(c.s3.send(new HeadObjectCommand({ Bucket, Key: 'kept' }))).resolves.toBeDefined();
});

test('an access key that is unknown now is known as soon as it is there', async () => {
  const credentials = await c.user('switched', [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }]);
  const iam = new IAMClient(c.cluster.clientConfig);
  const s3 = c.client({ credentials });
  const named = { UserName: 'switched', AccessKeyId: credentials.accessKeyId };
  for (let round = 0; round < 3; round++) {
    await iam.send(new UpdateAccessKeyCommand({ ...named, Status: 'Inactive' }));
    for (let again = 0; again < 2; again++)
      await expect(get(s3, 'kept')).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
    await iam.send(new UpdateAccessKeyCommand({ ...named, Status: 'Active' }));
    expect((await get(s3, 'kept')).toString()).toBe('kept');
  }
  iam.destroy();
});

test('encryption in the query of a presigned request is refused, not ignored', async () => {
  const command = new PutObjectCommand({ Bucket, Key: 'hoisted', ServerSideEncryption: 'aws:kms' });
  const hoistableHeaders = new Set(['x-amz-server-side-encryption']);
  command.middlewareStack.add(
    (next) => (args) => {
      const { query } = args.request as { query: Record<string, string> };
      query['x-amz-server-side-encryption'] = 'aws:kms';
      delete (args.request as { headers: Record<string, string> }).headers['x-amz-server-side-encryption'];
      return next(args);
    },
    { step: 'build', name: 'hoist', priority: 'low' },
  );
  const url = await getSignedUrl(c.s3, command, { hoistableHeaders });
  expect(url).toContain('x-amz-server-side-encryption=aws%3Akms');
  const answer = await fetch(url, { method: 'PUT', body: 'x' });
  expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining('x-amz-server-side-encryption')]);
  await expect(get(c.s3, 'hoisted')).rejects.toMatchObject({ name: 'NoSuchKey' });
});

test('a Deny on how a request is signed also covers the source of a copy and each deleted object', async () => {
  const unsafe = { StringEquals: { 's3:authType': 'REST-HEADER' } };
  const credentials = await c.user('copier', [
    { Effect: 'Allow', Action: 's3:*', Resource: '*' },
    { Effect: 'Deny', Action: ['s3:GetObject', 's3:DeleteObject'], Resource: '*', Condition: unsafe },
  ]);
  const s3 = c.client({ credentials });
  await expect(s3.send(new GetObjectCommand({ Bucket, Key: 'kept' }))).rejects.toMatchObject({ name: 'AccessDenied' });
  const copy = new CopyObjectCommand({ Bucket, Key: 'copied', CopySource: `${Bucket}/kept` });
  await expect(s3.send(copy)).rejects.toMatchObject({ name: 'AccessDenied' });
  const { Errors } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'kept' }] } }));
  expect(Errors).toMatchObject([{ Key: 'kept', Code: 'AccessDenied' }]);
});

test('aws:ResourceAccount is known', async () => {
  const own = { StringEquals: { 'aws:ResourceAccount': '000000000000' } };
  const credentials = await c.user('outward', [
    { Effect: 'Allow', Action: 's3:*', Resource: '*' },
    { Effect: 'Deny', Action: 's3:*', Resource: '*', Condition: own },
  ]);
  await expect(get(c.client({ credentials }), 'kept')).rejects.toMatchObject({ name: 'AccessDenied' });
});

test('the owner that a caller expects of the source is checked', async () => {
  const copy = { Bucket, Key: 'copied', CopySource: `${Bucket}/kept`, ExpectedSourceBucketOwner: '111122223333' };
  await expect(c.s3.send(new CopyObjectCommand(copy))).rejects.toMatchObject({ name: 'AccessDenied' });
});

test("no other spelling stands for S3's own pair of the encryption context", async () => {
  const context = (pairs: object): string => Buffer.from(JSON.stringify(pairs)).toString('base64');
  const kms = { ServerSideEncryption: 'aws:kms' as const };
  const SSEKMSEncryptionContext = context({ 'AWS:S3:ARN': 'arn:aws:s3:::other/key' });
  await expect(put(c.s3, 'context', 'x', { ...kms, SSEKMSEncryptionContext })).rejects.toMatchObject({
    name: 'InvalidArgument',
  });
  const right = context({ 'aws:s3:arn': `arn:aws:s3:::${Bucket}/context` });
  await expect(put(c.s3, 'context', 'x', { ...kms, SSEKMSEncryptionContext: right })).resolves.toBeDefined();
});

test('a record that lies under the name of another object is not served', async () => {
  await put(c.s3, 'secret/one', 'secret');
  await put(c.s3, 'public/one', 'public');
  const index = c.cluster.database.adminPool('object-store-gateway');
  const [from, to] = ['secret/one', 'public/one'].map((key) => Buffer.from(key));
  await index.query({
    text: 'update object set record = (select record from object where key = $1) where key = $2',
    values: [from, to],
  });
  await expect(get(c.s3, 'public/one')).rejects.toMatchObject({ name: 'InternalError' });
});

test('half of a surrogate pair is no character', () => {
  const document = parse(Buffer.from('<Delete><Key>&#xD800;</Key></Delete>'), 'Delete');
  expect(() => textOf(document, 'Key')).toThrow();
});
