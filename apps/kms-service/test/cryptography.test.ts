import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { account, system, type System } from './support/system.js';

let s: System;
let keyId: string;
let arn: string;
beforeAll(async () => {
  s = await system();
  const { keyMetadata } = await s.kms('createKey', { description: 'test', tags: [{ tagKey: 'team', tagValue: 'a' }] });
  keyId = keyMetadata?.keyId ?? '';
  arn = keyMetadata?.arn ?? '';
});
afterAll(() => s[Symbol.asyncDispose]());

describe('Encrypt and Decrypt', () => {
  test("CreateKey answers AWS's metadata", async () => {
    const { keyMetadata } = await s.kms('describeKey', { keyId });
    expect(keyMetadata).toMatchObject({
      awsAccountId: account,
      arn: `arn:aws:kms:us-east-1:${account}:key/${keyId}`,
      enabled: true,
    });
    expect(keyMetadata?.currentKeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
  });

  test('a blob names its key, and its context must be the same', async () => {
    const plaintext = Buffer.from('hello');
    const encryptionContext = { a: '1', b: '2' };
    const { ciphertextBlob, keyId: used } = await s.kms('encrypt', { keyId, plaintext, encryptionContext });
    expect(used).toBe(arn);
    const opened = await s.kms('decrypt', { ciphertextBlob, encryptionContext: { b: '2', a: '1' } });
    expect(Buffer.from(opened.plaintext).toString()).toBe('hello');
    await expect(s.kms('decrypt', { ciphertextBlob, encryptionContext: { a: '1' } })).rejects.toMatchObject({
      code: 'InvalidCiphertext',
      message: '',
    });
    await expect(
      s.kms('decrypt', { ciphertextBlob: ciphertextBlob.subarray(0, 80), encryptionContext }),
    ).rejects.toMatchObject({ code: 'InvalidCiphertext' });
    await expect(s.kms('decrypt', { ciphertextBlob: randomBytes(120) })).rejects.toMatchObject({
      code: 'InvalidCiphertext',
    });
  });

  test("limits in AWS's words", async () => {
    await expect(s.kms('encrypt', { keyId, plaintext: Buffer.alloc(4096, 1) })).resolves.toBeDefined();
    await expect(s.kms('encrypt', { keyId, plaintext: Buffer.alloc(4097, 1) })).rejects.toMatchObject({
      code: 'Validation',
      message:
        "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096",
    });
  });

  test('Decrypt with another key is IncorrectKey', async () => {
    const other = await s.kms('createKey');
    const { ciphertextBlob } = await s.kms('encrypt', { keyId, plaintext: Buffer.from('x') });
    const asked = s.kms('decrypt', { ciphertextBlob, keyId: other.keyMetadata?.keyId });
    await expect(asked).rejects.toMatchObject({ code: 'IncorrectKey' });
  });

  test('ReEncrypt moves a ciphertext to another key and context', async () => {
    const other = (await s.kms('createKey')).keyMetadata?.arn ?? '';
    const { ciphertextBlob } = await s.kms('encrypt', {
      keyId,
      plaintext: Buffer.from('move'),
      encryptionContext: { from: 'a' },
    });
    const moved = await s.kms('reEncrypt', {
      ...{ ciphertextBlob, destinationKeyId: other },
      ...{ sourceEncryptionContext: { from: 'a' }, destinationEncryptionContext: { to: 'b' } },
    });
    expect(moved).toMatchObject({ sourceKeyId: arn, keyId: other });
    const opened = await s.kms('decrypt', { ciphertextBlob: moved.ciphertextBlob, encryptionContext: { to: 'b' } });
    expect(Buffer.from(opened.plaintext).toString()).toBe('move');
  });

  test('data keys decrypt to their plaintext; without plaintext there is none', async () => {
    const made = await s.kms('generateDataKey', { keyId, keySpec: 'AES_256' });
    expect(made.plaintext).toHaveLength(32);
    const opened = await s.kms('decrypt', { ciphertextBlob: made.ciphertextBlob });
    expect(Buffer.from(opened.plaintext).equals(Buffer.from(made.plaintext))).toBe(true);
    const blind = await s.kms('generateDataKeyWithoutPlaintext', { keyId, numberOfBytes: 64 });
    expect(blind).not.toHaveProperty('plaintext');
    await expect(s.kms('generateDataKey', { keyId })).rejects.toMatchObject({ code: 'Validation' });
    await expect(s.kms('generateRandom', {})).rejects.toMatchObject({
      code: 'Validation',
      message: 'NumberOfBytes is required.',
    });
    expect((await s.kms('generateRandom', { numberOfBytes: 33 })).plaintext).toHaveLength(33);
  });

  test('a dry run checks everything and does nothing', async () => {
    const message = 'The request would have succeeded, but the DryRun option is set.';
    await expect(s.kms('encrypt', { keyId, plaintext: Buffer.from('x'), dryRun: true })).rejects.toMatchObject({
      code: 'DryRunOperation',
      message,
    });
    await expect(
      s.kms('decrypt', { keyId, dryRun: true, dryRunModifiers: ['IGNORE_CIPHERTEXT'] }),
    ).rejects.toMatchObject({ code: 'DryRunOperation' });
    await expect(s.kms('decrypt', { keyId })).rejects.toMatchObject({ code: 'Validation' });
  });

  test('records hold context and key, and no plaintext', async () => {
    const encryptionContext = { purpose: `p${Math.random()}` };
    await s.kms('encrypt', { keyId, plaintext: Buffer.from('never shown'), encryptionContext });
    const record = (await s.records('Encrypt')).at(-1);
    expect(record).toMatchObject({
      requestParameters: { keyId, encryptionAlgorithm: 'SYMMETRIC_DEFAULT', encryptionContext },
      ...{
        responseElements: null,
        readOnly: true,
        resources: [{ ARN: arn, accountId: account, type: 'AWS::KMS::Key' }],
      },
    });
    expect(JSON.stringify(record)).not.toContain('never shown');
  });
});
