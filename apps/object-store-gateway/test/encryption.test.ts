import {
  CreateKeyCommand,
  CreateAliasCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Bucket, get, put, system } from './support/system.js';
import type { System } from './support/system.js';

const kms = { ServerSideEncryption: 'aws:kms' } as const;
let c: System;
let arn: string;
let id: string;

beforeAll(async () => {
  c = await system();
  const { KeyMetadata } = await c.kms.send(new CreateKeyCommand({}));
  arn = KeyMetadata?.Arn ?? '';
  id = KeyMetadata?.KeyId ?? '';
  await c.kms.send(new CreateAliasCommand({ AliasName: 'alias/data', TargetKeyId: id }));
}, 60_000);
afterAll(() => c[Symbol.asyncDispose]());

describe('answers', () => {
  test.each(['id', 'arn', 'alias', 'alias arn'])(
    'name the whole key ARN, however the key was named: by %s',
    async (how) => {
      const named = { id, arn, alias: 'alias/data', 'alias arn': arn.replace(/key\/.*/, 'alias/data') }[how];
      const answer = await put(c.s3, 'named', 'x', { ...kms, SSEKMSKeyId: named });
      expect(answer).toMatchObject({ ...kms, SSEKMSKeyId: arn });
      const head = await c.s3.send(new HeadObjectCommand({ Bucket, Key: 'named' }));
      expect(head).toMatchObject({ ...kms, SSEKMSKeyId: arn });
      expect((await get(c.s3, 'named')).toString()).toBe('x');
    },
  );

  test('give back the context of the caller without what S3 adds', async () => {
    const pairs = { purpose: 'test', ключ: 'значение' };
    const SSEKMSEncryptionContext = Buffer.from(JSON.stringify(pairs)).toString('base64');
    const answer = await put(c.s3, 'context', 'x', { ...kms, SSEKMSKeyId: id, SSEKMSEncryptionContext });
    const returned = Buffer.from(answer.SSEKMSEncryptionContext ?? '', 'base64').toString('utf8');
    expect(JSON.parse(returned)).toEqual(pairs);
    expect((await get(c.s3, 'context')).toString()).toBe('x');
    const [event] = (await c.records('GenerateDataKey')).slice(-1);
    expect(event?.requestParameters).toMatchObject({
      encryptionContext: { ...pairs, 'aws:s3:arn': `arn:aws:s3:::${Bucket}/context` },
    });
  });

  test('a Bucket Key binds to the bucket', async () => {
    const answer = await put(c.s3, 'bucket-key', 'x', { ...kms, SSEKMSKeyId: id, BucketKeyEnabled: true });
    expect(answer.BucketKeyEnabled).toBe(true);
    const [event] = (await c.records('GenerateDataKey')).slice(-1);
    const encryptionContext = { 'aws:s3:arn': `arn:aws:s3:::${Bucket}` };
    expect(event?.requestParameters).toMatchObject({ encryptionContext });
    expect((await get(c.s3, 'bucket-key')).toString()).toBe('x');
  });
});

describe('refused', () => {
  const context = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');

  test.each([
    ['a key with AES256', { ServerSideEncryption: 'AES256', SSEKMSKeyId: 'alias/data' }, 'InvalidArgument'],
    ['a key without an algorithm', { SSEKMSKeyId: 'alias/data' }, 'InvalidArgument'],
    ['an unknown algorithm', { ServerSideEncryption: 'rot13' }, 'InvalidArgument'],
    ['two layers', { ServerSideEncryption: 'aws:kms:dsse' }, 'NotImplemented'],
    ['a context that is no map', { ...kms, SSEKMSEncryptionContext: context(['x']) }, 'InvalidArgument'],
    ['a context that is no JSON', { ...kms, SSEKMSEncryptionContext: '!!!' }, 'InvalidArgument'],
    [
      'another object in the context',
      { ...kms, SSEKMSEncryptionContext: context({ 'aws:s3:arn': 'x' }) },
      'InvalidArgument',
    ],
    ['a key of the customer', { SSECustomerAlgorithm: 'AES256', SSECustomerKey: 'A'.repeat(32) }, 'NotImplemented'],
    [
      'a key that is not there',
      { ...kms, SSEKMSKeyId: '11111111-2222-3333-4444-555555555555' },
      'KMS.NotFoundException',
    ],
  ])('%s', async (_what, headers, name) => {
    await expect(put(c.s3, 'refused', 'x', headers as object)).rejects.toMatchObject({ name });
    await expect(get(c.s3, 'refused')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  test('SSE headers where there is nothing to encrypt', async () => {
    await put(c.s3, 'plain', 'x');
    const client = c.client();
    client.middlewareStack.add(
      (next) => (args) => {
        (args.request as { headers: Record<string, string> }).headers['x-amz-server-side-encryption'] = 'aws:kms';
        return next(args);
      },
      { step: 'build' },
    );
    await expect(get(client, 'plain')).rejects.toMatchObject({ name: 'InvalidArgument' });
  });
});

describe('the state of the key', () => {
  test('a disabled key refuses GET and PUT by name, and HEAD works', async () => {
    await put(c.s3, 'state', 'kept', { ...kms, SSEKMSKeyId: id });
    await c.kms.send(new DisableKeyCommand({ KeyId: id }));
    const disabled = {
      name: 'KMS.DisabledException',
      message: `${arn} is disabled.`,
      $metadata: { httpStatusCode: 400 },
    };
    await expect(get(c.s3, 'state')).rejects.toMatchObject(disabled);
    await expect(put(c.s3, 'state', 'new', { ...kms, SSEKMSKeyId: id })).rejects.toMatchObject(disabled);
    const head = await c.s3.send(new HeadObjectCommand({ Bucket, Key: 'state' }));
    expect(head.ContentLength).toBe(4);
    await c.kms.send(new EnableKeyCommand({ KeyId: id }));
    expect((await get(c.s3, 'state')).toString()).toBe('kept');
  });

  test('a key pending deletion', async () => {
    const { KeyMetadata } = await c.kms.send(new CreateKeyCommand({}));
    const KeyId = KeyMetadata?.KeyId ?? '';
    await put(c.s3, 'doomed', 'x', { ...kms, SSEKMSKeyId: KeyId });
    await c.kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    await expect(get(c.s3, 'doomed')).rejects.toMatchObject({ name: 'KMS.KMSInvalidStateException' });
  });
});

describe('rights', () => {
  const s3All = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
  const viaS3 = { StringEquals: { 'kms:ViaService': 's3.us-east-1.amazonaws.com' } };

  test('the caller needs kms:GenerateDataKey to write and kms:Decrypt to read, through S3', async () => {
    await put(c.s3, 'rights', 'secret', { ...kms, SSEKMSKeyId: id });
    const none = c.client({ credentials: await c.user('no-kms', [s3All]) });
    const denied = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } };
    await expect(get(none, 'rights')).rejects.toMatchObject({
      ...denied,
      message: expect.stringContaining('kms:Decrypt') as string,
    });
    await expect(put(none, 'rights', 'x', { ...kms, SSEKMSKeyId: id })).rejects.toMatchObject({
      ...denied,
      message: expect.stringContaining('kms:GenerateDataKey') as string,
    });
    const read = { Effect: 'Allow', Action: 'kms:Decrypt', Resource: '*', Condition: viaS3 };
    const reader = c.client({ credentials: await c.user('reader', [s3All, read]) });
    expect((await get(reader, 'rights')).toString()).toBe('secret');
    await expect(put(reader, 'rights', 'x', { ...kms, SSEKMSKeyId: id })).rejects.toMatchObject(denied);
  });

  test('SSE-S3 needs no right on any key', async () => {
    const user = c.client({ credentials: await c.user('sse-s3', [s3All]) });
    await put(user, 'sse-s3', 'x');
    expect((await get(user, 'sse-s3')).toString()).toBe('x');
  });

  test('a multipart upload needs both', async () => {
    const generate = { Effect: 'Allow', Action: 'kms:GenerateDataKey', Resource: '*' };
    const user = c.client({ credentials: await c.user('half', [s3All, generate]) });
    const Key = 'half';
    const { UploadId } = await user.send(new CreateMultipartUploadCommand({ Bucket, Key, ...kms, SSEKMSKeyId: id }));
    const part = new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'x' });
    await expect(user.send(part)).rejects.toMatchObject({ name: 'AccessDenied' });
    const { ETag } = await c.s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'x' }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    const complete = new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload });
    await expect(user.send(complete)).rejects.toMatchObject({ name: 'AccessDenied' });
    await c.s3.send(complete);
    expect((await get(c.s3, Key)).toString()).toBe('x');
  });

  test('S3 actions are allowed for what their policies name', async () => {
    await put(c.s3, 'home/ann/file', 'hers');
    await put(c.s3, 'home/bob/file', 'his');
    const ann = c.client({
      credentials: await c.user('ann', [
        {
          Effect: 'Allow',
          Action: ['s3:GetObject', 's3:PutObject'],
          Resource: `arn:aws:s3:::${Bucket}/home/\${aws:username}/*`,
        },
      ]),
    });
    expect((await get(ann, 'home/ann/file')).toString()).toBe('hers');
    await expect(get(ann, 'home/bob/file')).rejects.toMatchObject({ name: 'AccessDenied' });
    // Who may not list does not learn that a key is missing.
    await expect(get(ann, 'home/ann/nothing')).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  test('the condition on the encryption header looks at the request', async () => {
    const unencrypted = {
      Effect: 'Deny',
      Action: 's3:PutObject',
      Resource: '*',
      Condition: { StringNotEquals: { 's3:x-amz-server-side-encryption': 'aws:kms' } },
    };
    const all = { Effect: 'Allow', Action: 'kms:*', Resource: '*' };
    const user = c.client({ credentials: await c.user('must-encrypt', [s3All, all, unencrypted]) });
    await expect(put(user, 'must', 'x')).rejects.toMatchObject({ name: 'AccessDenied' });
    await put(user, 'must', 'x', { ...kms, SSEKMSKeyId: id });
  });

  test.each<[string, object, Parameters<typeof put>[3]]>([
    ['s3:if-none-match', { Null: { 's3:if-none-match': 'true' } }, { IfNoneMatch: '*' }],
    ['s3:x-amz-acl', { StringNotEquals: { 's3:x-amz-acl': 'private' } }, { ACL: 'private' }],
  ])('a policy may demand %s', async (key, Condition, demanded) => {
    const without = { Effect: 'Deny', Action: 's3:PutObject', Resource: '*', Condition };
    const credentials = await c.user(`demands-${key.slice(3)}`, [s3All, without]);
    const user = c.client({ credentials });
    await expect(put(user, key, 'x')).rejects.toMatchObject({ name: 'AccessDenied' });
    await put(user, key, 'x', demanded);
  });
});

test('a presigned PUT must send the encryption header that was signed', async () => {
  const command = new PutObjectCommand({ Bucket, Key: 'presigned', ...kms, SSEKMSKeyId: id });
  const sse = new Set(['x-amz-server-side-encryption', 'x-amz-server-side-encryption-aws-kms-key-id']);
  const url = await getSignedUrl(c.s3, command, { unhoistableHeaders: sse });
  const send = (headers: Record<string, string>) => fetch(url, { method: 'PUT', body: 'presigned', headers });
  expect((await send({})).status).toBe(403);
  const signed = {
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-aws-kms-key-id': id,
  };
  expect((await send(signed)).status).toBe(200);
  const read = await fetch(await getSignedUrl(c.s3, new GetObjectCommand({ Bucket, Key: 'presigned' })));
  expect(await read.text()).toBe('presigned');
});

describe('the log', () => {
  test('has the authorization before and the completion after a long body, in the name of the user', async () => {
    const bytes = (1 << 20) + 1;
    await put(c.s3, 'logged', 'x'.repeat(bytes), { ...kms, SSEKMSKeyId: id });
    await get(c.s3, 'logged');
    // What was done is committed with the object; from there it reaches the log at once, yet after the answer.
    await expect.poll(async () => (await c.records('PutObject', 'logged')).length).toBe(2);
    const puts = await c.records('PutObject', 'logged');
    expect(puts.map(({ additionalEventData: data }) => data?.['phase'] ?? data?.['bytesTransferredIn'])).toEqual([
      'authorized',
      bytes,
    ]);
    expect(puts[1]).toMatchObject({
      eventCategory: 'Data',
      requestParameters: { bucketName: Bucket, key: 'logged', 'x-amz-server-side-encryption': 'aws:kms' },
      userIdentity: { type: 'IAMUser', userName: 'administrator' },
    });
    expect(puts[0]?.requestID).toBe(puts[1]?.requestID);
    await expect.poll(async () => (await c.records('GetObject', 'logged')).length).toBe(2);
    const decrypts = await c.records('Decrypt');
    expect(decrypts.at(-1)?.userIdentity).toMatchObject({ userName: 'administrator', invokedBy: 's3.amazonaws.com' });
  });

  test.each([
    ['SSE_KMS', () => ({ ...kms, SSEKMSKeyId: id })],
    ['SSE_S3', () => ({ ServerSideEncryption: 'AES256' as const })],
  ])('has one record of a short PUT under %s, which is committed with the object', async (SSEApplied, sse) => {
    const key = `short/${SSEApplied}`;
    await put(c.s3, key, 'x'.repeat(1 << 20), sse());
    await expect.poll(async () => (await c.records('PutObject', key)).length).toBe(1);
    const [done] = await c.records('PutObject', key);
    expect(done?.additionalEventData).toMatchObject({ SSEApplied, bytesTransferredIn: 1 << 20 });
    expect(done?.additionalEventData?.['phase']).toBeUndefined();
    const wrong = { ...sse(), ChecksumCRC32: Buffer.alloc(4, 7).toString('base64') };
    await expect(put(c.s3, key, 'z', wrong)).rejects.toMatchObject({ name: 'BadDigest' });
    await expect
      .poll(async () => (await c.records('PutObject', key)).map(({ errorCode }) => errorCode))
      .toEqual([undefined, 'BadDigest']);
  });

  test('has one record of a short GET, durable before its first byte', async () => {
    await put(c.s3, 'read', 'x'.repeat(100), { ...kms, SSEKMSKeyId: id });
    await get(c.s3, 'read', { Range: 'bytes=10-29' });
    const reads = await c.records('GetObject', 'read');
    expect(reads.map(({ additionalEventData: data }) => data?.['bytesTransferredOut'])).toEqual([20]);
    expect(reads[0]?.additionalEventData?.['phase']).toBeUndefined();
    expect(reads[0]?.errorCode).toBeUndefined();
  });

  test('has a record of its own for a GET that failed after that', async () => {
    const own = { Bucket: 'losing' };
    await c.s3.send(new CreateBucketCommand(own));
    await put(c.s3, 'lost', 'x', own);
    await rm(join(c.cluster.objects, own.Bucket), { recursive: true });
    await expect(get(c.s3, 'lost', own)).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
    const reads = await c.records('GetObject', 'lost');
    expect(reads.map(({ errorCode }) => errorCode)).toEqual([undefined, 'InternalError']);
    expect(reads[0]?.requestID).toBe(reads[1]?.requestID);
  });

  test('has refusals by name, and never a data key', async () => {
    await expect(get(c.s3, 'never there')).rejects.toMatchObject({ name: 'NoSuchKey' });
    const [refused] = await c.records('GetObject', 'never there');
    expect(refused?.errorCode).toBe('NoSuchKey');
    const keys = await c.records('GenerateDataKey');
    expect(JSON.stringify(keys)).not.toMatch(/plaintext|ciphertextBlob/i);
    const created = await c.records('CreateBucket');
    expect(created[0]?.eventCategory).toBe('Management');
  });
});
