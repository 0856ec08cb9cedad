import { CreateKeyCommand, DecryptCommand, EncryptCommand, KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { KeysteadContainer, type StartedKeysteadContainer } from '../src/container.js';
import { whyNoContainer } from '../src/engine.js';

const image = process.env['KEYSTEAD_IMAGE'] ?? 'keystead/keystead:dev';
let reason: string | undefined;
let keystead: StartedKeysteadContainer | undefined;

beforeAll(async () => {
  reason = await whyNoContainer(image, process.env);
  if (!reason) keystead = await new KeysteadContainer(image).start();
}, 150_000);
beforeEach((context) => context.skip(reason !== undefined, reason));
afterAll(async () => {
  await keystead?.stop();
});

const running = (): StartedKeysteadContainer => {
  if (!keystead) throw new Error('the container did not start');
  return keystead;
};

test('a key of the container encrypts and decrypts', async () => {
  const kms = new KMSClient(running().clientConfig);
  onTestFinished(() => kms.destroy());
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: 'from a test' }));
  const EncryptionContext = { tenant: 'blue' };
  const { CiphertextBlob } = await kms.send(
    new EncryptCommand({ KeyId: KeyMetadata?.KeyId, Plaintext: Buffer.from('a secret'), EncryptionContext }),
  );
  const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
  expect(Buffer.from(Plaintext ?? []).toString()).toBe('a secret');
});

test('an object goes in and comes out on the same endpoint', async () => {
  const s3 = new S3Client(running().clientConfig);
  onTestFinished(() => s3.destroy());
  const object = { Bucket: 'from-a-test', Key: 'folder/name' };
  await s3.send(new CreateBucketCommand({ Bucket: object.Bucket }));
  const put = await s3.send(new PutObjectCommand({ ...object, Body: 'hello', ServerSideEncryption: 'aws:kms' }));
  expect(put.ServerSideEncryption).toBe('aws:kms');
  const { Body } = await s3.send(new GetObjectCommand(object));
  expect(await Body?.transformToString()).toBe('hello');
});

test('reset forgets the keys, not the administrator', async () => {
  const kms = new KMSClient(running().clientConfig);
  onTestFinished(() => kms.destroy());
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  await running().reset();
  const { Keys } = await kms.send(new ListKeysCommand({}));
  expect(Keys?.map(({ KeyId }) => KeyId)).not.toContain(KeyMetadata?.KeyId);
});
