import { X509Certificate } from 'node:crypto';
import { CreateKeyCommand, DecryptCommand, EncryptCommand, KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { createKmsClient } from '@keystead/client';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { KeysteadContainer } from '../src/container.js';
import { whyNoContainer } from '../src/engine.js';
import { startKeystead } from '../src/harness.js';
import type { RunningKeystead } from '../src/running.js';

const image = process.env['KEYSTEAD_IMAGE'] ?? 'keystead/keystead:dev';
const nothingMissing = async (): Promise<string | undefined> => undefined;

describe.each([
  ['processes', nothingMissing, () => startKeystead()],
  ['a container', () => whyNoContainer(image, process.env), () => new KeysteadContainer(image).start()],
])('Keystead as %s', (_, whyNot, start: () => Promise<RunningKeystead>) => {
  let reason: string | undefined;
  let keystead: RunningKeystead | undefined;

  beforeAll(async () => {
    reason = await whyNot();
    if (!reason) keystead = await start();
  }, 150_000);
  beforeEach((context) => context.skip(reason !== undefined, reason));
  afterAll(async () => {
    await keystead?.stop();
  });

  const running = (): RunningKeystead => {
    if (!keystead) throw new Error('it did not start');
    return keystead;
  };

  test('a key encrypts and decrypts', async () => {
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

  test('the same over gRPC with the same credentials', async () => {
    const { kmsCredentialsAddress: endpoint, authority: ca, credentials, region } = running();
    using kms = createKmsClient({ endpoint, tls: { ca }, credentials, region });
    const { keyMetadata } = await kms.createKey({ description: 'over gRPC' });
    const { ciphertextBlob } = await kms.encrypt({ keyId: keyMetadata?.keyId, plaintext: Buffer.from('a secret') });
    const { plaintext } = await kms.decrypt({ ciphertextBlob });
    expect(Buffer.from(plaintext).toString()).toBe('a secret');
  });

  test('its gRPC for certificates is told, and listens to none without', async () => {
    const { kmsAddress: endpoint, authority: ca, credentials } = running();
    expect(new X509Certificate(ca).ca).toBe(true);
    using kms = createKmsClient({ endpoint, tls: { ca }, credentials, coalesce: false });
    await expect(kms.listKeys({}, { timeoutMs: 3_000 })).rejects.toMatchObject({
      code: expect.stringMatching(/^(Unavailable|DeadlineExceeded)$/) as string,
    });
  });

  test('an object goes in and comes out, on the endpoint and on the port of S3', async () => {
    const s3 = new S3Client(running().clientConfig);
    const direct = new S3Client({ ...running().clientConfig, endpoint: running().s3Endpoint });
    onTestFinished(() => [s3, direct].forEach((client) => client.destroy()));
    const object = { Bucket: 'from-a-test', Key: 'folder/name' };
    await s3.send(new CreateBucketCommand({ Bucket: object.Bucket }));
    const put = await s3.send(new PutObjectCommand({ ...object, Body: 'hello', ServerSideEncryption: 'aws:kms' }));
    expect(put.ServerSideEncryption).toBe('aws:kms');
    const { Body } = await direct.send(new GetObjectCommand(object));
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
});
