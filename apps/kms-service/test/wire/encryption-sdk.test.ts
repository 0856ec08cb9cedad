/* eslint-disable @typescript-eslint/no-unsafe-class-instance-assignment -- the keyrings extend a class that is made at run time */
import { buildClient, CommitmentPolicy, KmsKeyringNode, type KmsNodeClientSupplier } from '@aws-crypto/client-node';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient } from '@aws-sdk/client-iam';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  KMS,
  RevokeGrantCommand,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms';
import { cluster, type Cluster } from '@keystead/testing/cluster';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let system: Cluster;
let kms: KMS;
let first = '';
let second = '';

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);

beforeAll(async () => {
  system = await cluster();
  kms = new KMS({ ...system.clientConfig, maxAttempts: 1 });
  first = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
  second = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
  await kms.send(new CreateAliasCommand({ AliasName: 'alias/esdk', TargetKeyId: first }));
});
afterAll(async () => {
  kms.destroy();
  await system[Symbol.asyncDispose]();
});

function keyring(
  generatorKeyId: string | undefined,
  keyIds: string[] = [],
  { client = kms, grantTokens }: { client?: KMS; grantTokens?: string } = {},
): KmsKeyringNode {
  // The SDK was compiled without exactOptionalPropertyTypes.
  const clientProvider = (() => client) as unknown as KmsNodeClientSupplier;
  const generator = generatorKeyId === undefined ? {} : { generatorKeyId };
  const tokens = grantTokens === undefined ? {} : { grantTokens: [grantTokens] };
  return new KmsKeyringNode({ keyIds, clientProvider, ...generator, ...tokens });
}

describe("AWS's Encryption SDK for JavaScript on Keystead", () => {
  test('encrypts and decrypts, with its context', async () => {
    const plaintext = randomBytes(100_000);
    const ring = keyring(first);
    const { result } = await encrypt(ring, plaintext, { encryptionContext: { tenant: 'blue' } });
    const opened = await decrypt(ring, result);
    expect(opened.plaintext.equals(plaintext)).toBe(true);
    expect(opened.messageHeader.encryptionContext).toMatchObject({ tenant: 'blue' });
  });

  test('any of several keys opens a message, also after a rotation', async () => {
    const { result } = await encrypt(keyring(first, [second]), 'for both');
    await kms.send(new RotateKeyOnDemandCommand({ KeyId: first }));
    for (const one of [first, second])
      expect((await decrypt(keyring(undefined, [one]), result)).plaintext.toString()).toBe('for both');
  });

  test('an alias encrypts', async () => {
    const { result } = await encrypt(keyring('alias/esdk'), 'by alias');
    expect((await decrypt(keyring(undefined, [first]), result)).plaintext.toString()).toBe('by alias');
  });

  test('a grant is enough, with its token in the keyring', async () => {
    const iam = new IAMClient({ ...system.clientConfig, maxAttempts: 1 });
    const { User } = await iam.send(new CreateUserCommand({ UserName: 'grantee' }));
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'grantee' }));
    iam.destroy();
    const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
    const client = new KMS({ ...system.clientConfig, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 });
    const encryptionContext = { tenant: 'blue' };
    const { GrantId, GrantToken } = await kms.send(
      new CreateGrantCommand({
        ...{ KeyId: first, GranteePrincipal: User?.Arn, Operations: ['GenerateDataKey', 'Decrypt'] },
        Constraints: { EncryptionContextSubset: encryptionContext },
      }),
    );
    const ring = keyring(first, [], { client, grantTokens: GrantToken ?? '' });
    const { result } = await encrypt(ring, 'granted', { encryptionContext });
    expect((await decrypt(ring, result)).plaintext.toString()).toBe('granted');
    await expect(encrypt(ring, 'other', { encryptionContext: { tenant: 'red' } })).rejects.toThrow();
    const wrong = keyring(first, [], { client, grantTokens: 'AQID' });
    await expect(encrypt(wrong, 'x', { encryptionContext })).rejects.toThrow();
    await kms.send(new RevokeGrantCommand({ KeyId: first, GrantId }));
    await expect(decrypt(ring, result)).rejects.toThrow();
    client.destroy();
  });

  test('a changed message, another key and a disabled key do not open', async () => {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const arn = KeyMetadata?.Arn ?? '';
    const { result } = await encrypt(keyring(arn), 'secret');
    await expect(decrypt(keyring(undefined, [second]), result)).rejects.toThrow();
    const changed = Buffer.from(result);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    await expect(decrypt(keyring(undefined, [arn]), changed)).rejects.toThrow();
    await kms.send(new DisableKeyCommand({ KeyId: arn }));
    await expect(decrypt(keyring(undefined, [arn]), result)).rejects.toThrow();
  });
});
