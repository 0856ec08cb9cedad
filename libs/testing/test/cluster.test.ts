import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import {
  CreateKeyCommand,
  DecryptCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  KMSClient,
} from '@aws-sdk/client-kms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cluster, type Cluster } from '../src/cluster.js';

let running: Cluster;
let kms: KMSClient;
let s3: S3Client;

beforeAll(async () => {
  running = await cluster();
  kms = new KMSClient(running.clientConfig);
  s3 = new S3Client(running.clientConfig);
});

afterAll(async () => {
  kms.destroy();
  s3.destroy();
  await running[Symbol.asyncDispose]();
});

test('one endpoint serves KMS, S3 and CloudTrail, and the log names them all', async () => {
  const { KeyMetadata: key } = await kms.send(new CreateKeyCommand({}));
  const context = { EncryptionContext: { purpose: 'test' } };
  const { CiphertextBlob } = await kms.send(
    new EncryptCommand({ KeyId: key?.KeyId, Plaintext: Buffer.from('x'), ...context }),
  );
  const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob, ...context }));
  expect(Buffer.from(Plaintext ?? []).toString()).toBe('x');

  await s3.send(new CreateBucketCommand({ Bucket: 'first' }));
  const object = { Bucket: 'first', Key: 'hello' };
  await s3.send(
    new PutObjectCommand({ ...object, Body: 'hello', ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key?.Arn }),
  );
  const got = await s3.send(new GetObjectCommand(object));
  expect(await got.Body?.transformToString()).toBe('hello');
  expect(got.SSEKMSKeyId).toBe(key?.Arn);

  await kms.send(new DisableKeyCommand({ KeyId: key?.KeyId }));
  await expect(s3.send(new GetObjectCommand(object))).rejects.toThrow(/is disabled/);
  await kms.send(new EnableKeyCommand({ KeyId: key?.KeyId }));
  expect(await (await s3.send(new GetObjectCommand(object))).Body?.transformToString()).toBe('hello');

  const trail = new CloudTrailClient(running.clientConfig);
  const { Events = [] } = await trail.send(
    new LookupEventsCommand({ LookupAttributes: [{ AttributeKey: 'ResourceName', AttributeValue: key?.Arn ?? '' }] }),
  );
  trail.destroy();
  expect(Events.map(({ EventName }) => EventName)).toEqual(
    expect.arrayContaining(['CreateKey', 'Encrypt', 'Decrypt', 'GenerateDataKey', 'DisableKey', 'EnableKey']),
  );
});

test.each(['hsm-service', 'audit-service', 'iam-service', 'kms-service'])(
  '%s may restart, and nothing acknowledged is lost',
  async (service) => {
    const { KeyMetadata: key } = await kms.send(new CreateKeyCommand({ Description: service }));
    const { CiphertextBlob } = await kms.send(
      new EncryptCommand({ KeyId: key?.KeyId, Plaintext: Buffer.from(service) }),
    );
    await running.restart(service);
    const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(Plaintext ?? []).toString()).toBe(service);
  },
);
