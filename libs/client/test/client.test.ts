import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateUserCommand, GetUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { principalName } from '@keystead/pki';
import { cluster, type Cluster } from '@keystead/testing/cluster';
import { freePort } from '@keystead/testing/free-port';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKmsClient, KeysteadError, type KmsClient } from '../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'keystead-client-'));
let running: Cluster;

/** A certificate that acts as this user. */
async function certificateOf(userName: string): Promise<string> {
  const iam = new IAMClient(running.clientConfig);
  const { User: user } = await iam.send(new GetUserCommand({ UserName: userName }));
  iam.destroy();
  return running.pki.dirFor(principalName(running.pki.trustDomain, user?.UserId ?? '', user?.Arn ?? ''));
}

function clientWith(tls: string, coalesce: boolean): KmsClient {
  return createKmsClient({ endpoint: running.addresses['kms-service'] ?? '', tls, coalesce });
}

beforeAll(async () => {
  running = await cluster();
  const iam = new IAMClient(running.clientConfig);
  await iam.send(new CreateUserCommand({ UserName: 'reader' }));
  const document = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 'kms:DescribeKey', Resource: '*' } };
  await iam.send(
    new PutUserPolicyCommand({ UserName: 'reader', PolicyName: 'read', PolicyDocument: JSON.stringify(document) }),
  );
  iam.destroy();
});

afterAll(async () => {
  await running[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe.each([
  ['coalesced', true],
  ['unary', false],
] as const)('%s', (_name, coalesce) => {
  test('the certificate acts as its principal', async () => {
    using administrator = clientWith(await certificateOf('administrator'), coalesce);
    const { keyMetadata } = await administrator.createKey({ description: 'over gRPC' });
    const keyId = keyMetadata?.keyId ?? '';
    const encryptionContext = { purpose: 'test' };
    const { ciphertextBlob } = await administrator.encrypt({
      keyId,
      plaintext: Buffer.from('hello'),
      encryptionContext,
    });
    const { plaintext } = await administrator.decrypt({ ciphertextBlob, encryptionContext });
    expect(Buffer.from(plaintext).toString()).toBe('hello');
    const wrong = administrator.decrypt({ ciphertextBlob, encryptionContext: { purpose: 'other' } });
    await expect(wrong).rejects.toMatchObject({ name: 'InvalidCiphertextException', code: 'InvalidCiphertext' });

    using reader = clientWith(await certificateOf('reader'), coalesce);
    expect((await reader.describeKey({ keyId })).keyMetadata?.description).toBe('over gRPC');
    const denied = await reader.encrypt({ keyId, plaintext: Buffer.from('x') }).catch((error: unknown) => error);
    expect(denied).toBeInstanceOf(KeysteadError);
    expect(denied).toMatchObject({ code: 'AccessDenied', message: expect.stringContaining('kms:Encrypt') as string });
  });

  test('signs and derives for gRPC users as for AWS tools', async () => {
    using administrator = clientWith(await certificateOf('administrator'), coalesce);
    const made = await administrator.createKey({ keySpec: 'ECC_NIST_P256', keyUsage: 'SIGN_VERIFY' });
    const keyId = made.keyMetadata?.keyId ?? '';
    const asked = { keyId, message: Buffer.from('over gRPC'), signingAlgorithm: 'ECDSA_SHA_256' };
    const { signature } = await administrator.sign(asked);
    const { publicKey } = await administrator.getPublicKey({ keyId });
    const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
    expect(verify('sha256', asked.message, key, signature)).toBe(true);
    expect(await administrator.verify({ ...asked, signature })).toMatchObject({ signatureValid: true });
    const wrong = administrator.verify({ ...asked, signature, message: Buffer.from('another') });
    await expect(wrong).rejects.toMatchObject({ name: 'KMSInvalidSignatureException', code: 'KmsInvalidSignature' });
  });

  test('a closed client, and one whose service is not there, say Unavailable', async () => {
    const tls = await certificateOf('administrator');
    const closed = clientWith(tls, coalesce);
    closed.close();
    await expect(closed.listKeys({})).rejects.toMatchObject({ code: 'Unavailable', name: 'KMSInternalException' });
    using alone = createKmsClient({ endpoint: `127.0.0.1:${await freePort()}`, tls, coalesce });
    await expect(alone.listKeys({})).rejects.toMatchObject({ code: 'Unavailable', name: 'KMSInternalException' });
  });

  test("a certificate of a user's earlier life, or of nobody, is refused", async () => {
    const arn = 'arn:aws:iam::000000000000:user/reader';
    using stale = clientWith(
      await running.pki.dirFor(principalName(running.pki.trustDomain, 'AIDAAAAAAAAAAAAAAAAAA', arn)),
      coalesce,
    );
    await expect(stale.listKeys({})).rejects.toMatchObject({
      code: expect.stringMatching(/AccessDenied|UnrecognizedClient/) as string,
    });
    using service = clientWith(await running.pki.dir('bench'), coalesce);
    await expect(service.listKeys({})).rejects.toThrow();
  });
});

test('hundreds of calls at once share one stream', async () => {
  using client = clientWith(await certificateOf('administrator'), true);
  const { keyMetadata } = await client.createKey({});
  const keyId = keyMetadata?.keyId ?? '';
  const keys = await Promise.all(
    Array.from({ length: 300 }, () => client.generateDataKey({ keyId, keySpec: 'AES_256' })),
  );
  expect(new Set(keys.map(({ plaintext }) => Buffer.from(plaintext).toString('hex'))).size).toBe(300);
});
