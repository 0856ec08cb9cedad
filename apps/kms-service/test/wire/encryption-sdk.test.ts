/* eslint-disable @typescript-eslint/no-unsafe-class-instance-assignment -- the keyrings extend a class that is made at run time */
import { buildClient, CommitmentPolicy, KmsKeyringNode, type KmsNodeClientSupplier } from '@aws-crypto/client-node';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  KMS,
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

function keyring(generatorKeyId: string | undefined, keyIds: string[] = []): KmsKeyringNode {
  // The SDK was compiled without exactOptionalPropertyTypes.
  const clientProvider = (() => kms) as unknown as KmsNodeClientSupplier;
  return new KmsKeyringNode({ keyIds, clientProvider, ...(generatorKeyId === undefined ? {} : { generatorKeyId }) });
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
