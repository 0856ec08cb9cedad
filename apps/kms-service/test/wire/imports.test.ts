import {
  CancelKeyDeletionCommand,
  DecryptCommand,
  DeleteImportedKeyMaterialCommand,
  DescribeKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateMacCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  ListKeyRotationsCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  VerifyCommand,
  type AlgorithmSpec,
  type ImportKeyMaterialCommandInput,
  type KeySpec,
  type SigningAlgorithmSpec,
  type WrappingKeySpec,
} from '@aws-sdk/client-kms';
import {
  constants,
  createHmac,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  sign as nodeSign,
  verify as nodeVerify,
  type KeyPairKeyObjectResult,
} from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { wrapMaterial } from '../support/wrapping.js';
import { refused, wire, type Wire } from './kms.js';

let w: Wire;
beforeAll(async () => {
  w = await wire({ env: { 'kms-service': { KEYSTEAD_KMS_WORKER_MS: '100' } } });
});
afterAll(() => w[Symbol.asyncDispose]());

interface Parameters {
  readonly publicKey: Uint8Array;
  readonly ImportToken: Uint8Array;
  readonly algorithm: AlgorithmSpec;
}

async function parameters(
  KeyId: string,
  algorithm: AlgorithmSpec = 'RSAES_OAEP_SHA_256',
  WrappingKeySpec: WrappingKeySpec = 'RSA_2048',
): Promise<Parameters> {
  const asked = new GetParametersForImportCommand({ KeyId, WrappingAlgorithm: algorithm, WrappingKeySpec });
  const { PublicKey = new Uint8Array(), ImportToken = new Uint8Array(), ParametersValidTo } = await w.kms.send(asked);
  const hours = ((ParametersValidTo?.getTime() ?? 0) - Date.now()) / 3_600_000;
  expect(hours).toBeGreaterThan(23.9);
  expect(hours).toBeLessThan(24.1);
  return { publicKey: PublicKey, ImportToken, algorithm };
}

async function importInto(
  KeyId: string,
  material: Uint8Array,
  change: Partial<ImportKeyMaterialCommandInput> = {},
  given?: Parameters,
) {
  const own = given ?? (await parameters(KeyId));
  return w.kms.send(
    new ImportKeyMaterialCommand({
      ...{ KeyId, ImportToken: own.ImportToken, EncryptedKeyMaterial: wrapMaterial(own, material) },
      ...{ ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE', ...change },
    }),
  );
}

const describeKey = async (KeyId: string) => (await w.kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
const external = () => w.createKey({ Origin: 'EXTERNAL' });
const Plaintext = Buffer.from('under imported material');

describe('imported symmetric material', () => {
  test('makes the key usable, is deleted, and comes back', async () => {
    const created = await external();
    const { KeyId, Arn } = created;
    expect(created).toMatchObject({ KeyState: 'PendingImport', Enabled: false, Origin: 'EXTERNAL' });
    expect(created).not.toHaveProperty('CurrentKeyMaterialId');
    await expect(w.kms.send(new EncryptCommand({ KeyId, Plaintext }))).rejects.toMatchObject(
      refused('KMSInvalidState', `${Arn} is pending import.`),
    );
    const material = randomBytes(32);
    const { KeyMaterialId } = await importInto(KeyId, material, { KeyMaterialDescription: 'first' });
    expect(await describeKey(KeyId)).toMatchObject({
      ...{ KeyState: 'Enabled', Enabled: true, CurrentKeyMaterialId: KeyMaterialId },
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    });
    const { CiphertextBlob } = await w.kms.send(new EncryptCommand({ KeyId, Plaintext }));
    await w.kms.send(new DeleteImportedKeyMaterialCommand({ KeyId }));
    expect(await describeKey(KeyId)).toMatchObject({ KeyState: 'PendingImport', Enabled: false });
    await expect(w.kms.send(new DecryptCommand({ CiphertextBlob }))).rejects.toMatchObject(refused('KMSInvalidState'));
    await expect(importInto(KeyId, randomBytes(32))).rejects.toMatchObject(refused('IncorrectKeyMaterial'));
    expect(await importInto(KeyId, material)).toMatchObject({ KeyMaterialId, KeyId: Arn });
    const opened = await w.kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Plaintext);
  });

  test('is imported once with one token, into one key, in one piece', async () => {
    const { KeyId } = await external();
    const own = await parameters(KeyId);
    const material = randomBytes(32);
    const other = await external();
    await expect(importInto(other.KeyId, material, {}, own)).rejects.toMatchObject(refused('InvalidImportToken'));
    const flipped = {
      ...own,
      ImportToken: Uint8Array.from(own.ImportToken, (byte, i) => (i === 40 ? byte ^ 1 : byte)),
    };
    await expect(importInto(KeyId, material, {}, flipped)).rejects.toMatchObject(refused('InvalidImportToken'));
    const later = { ...own, ImportToken: Uint8Array.from(own.ImportToken, (byte, i) => (i === 12 ? byte ^ 1 : byte)) };
    await expect(importInto(KeyId, material, {}, later)).rejects.toMatchObject(refused('InvalidImportToken'));
    await expect(importInto(KeyId, randomBytes(31), {}, own)).rejects.toMatchObject({
      name: expect.stringMatching(/^(InvalidCiphertext|IncorrectKeyMaterial)Exception$/) as string,
    });
    expect(await describeKey(KeyId)).toMatchObject({ KeyState: 'PendingImport' });
    await importInto(KeyId, material, {}, own);
    await expect(importInto(KeyId, material, {}, own)).rejects.toMatchObject(
      refused('InvalidImportToken', 'The import token has already been used.'),
    );
  });

  test('two imports at once with one token: one of them', async () => {
    const { KeyId } = await external();
    const own = await parameters(KeyId);
    const material = randomBytes(32);
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => importInto(KeyId, material, {}, own)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(refused('InvalidImportToken'));
    expect(await describeKey(KeyId)).toMatchObject({ KeyState: 'Enabled' });
  });

  test('may be several: rotated on demand, and all are needed', async () => {
    const { KeyId, Arn } = await external();
    const [first, second] = [randomBytes(32), randomBytes(32)];
    const one = (await importInto(KeyId, first)).KeyMaterialId;
    const { CiphertextBlob } = await w.kms.send(new EncryptCommand({ KeyId, Plaintext }));
    await expect(w.kms.send(new RotateKeyOnDemandCommand({ KeyId }))).rejects.toMatchObject(refused('KMSInvalidState'));
    const ImportType = 'NEW_KEY_MATERIAL';
    const two = (await importInto(KeyId, second, { ImportType })).KeyMaterialId;
    await expect(importInto(KeyId, randomBytes(32), { ImportType })).rejects.toMatchObject({
      message: expect.stringContaining(`because another key material (id: ${two}) is pending rotation.`) as string,
    });
    const listed = async () =>
      (await w.kms.send(new ListKeyRotationsCommand({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }))).Rotations;
    expect(await listed()).toMatchObject([
      { KeyMaterialId: one, KeyMaterialState: 'CURRENT', ImportState: 'IMPORTED' },
      { KeyMaterialId: two, KeyMaterialState: 'PENDING_ROTATION', ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' },
    ]);
    await w.kms.send(new RotateKeyOnDemandCommand({ KeyId }));
    expect(await describeKey(KeyId)).toMatchObject({ CurrentKeyMaterialId: two });
    expect(await listed()).toMatchObject([
      { KeyMaterialId: one, KeyMaterialState: 'NON_CURRENT' },
      { KeyMaterialId: two, KeyMaterialState: 'CURRENT', RotationType: 'ON_DEMAND' },
    ]);
    expect(await w.kms.send(new DecryptCommand({ CiphertextBlob }))).toMatchObject({ KeyMaterialId: one });
    await w.kms.send(new DeleteImportedKeyMaterialCommand({ KeyId, KeyMaterialId: one }));
    expect(await describeKey(KeyId)).toMatchObject({ KeyState: 'PendingImport' });
    expect(await importInto(KeyId, first)).toMatchObject({ KeyMaterialId: one });
    expect(await describeKey(KeyId)).toMatchObject({ KeyState: 'Enabled', CurrentKeyMaterialId: two });
    await expect(w.kms.send(new EnableKeyRotationCommand({ KeyId }))).rejects.toMatchObject(
      refused('UnsupportedOperation', `${Arn} origin is EXTERNAL which is not valid for this operation.`),
    );
  });

  test('may expire, at most a year from now', async () => {
    const { KeyId } = await external();
    const expires = { ExpirationModel: 'KEY_MATERIAL_EXPIRES' as const };
    await expect(importInto(KeyId, randomBytes(32), expires)).rejects.toMatchObject(
      refused('Validation', 'A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES'),
    );
    const day = 86_400_000;
    const at = (days: number): Date => new Date(Math.floor(Date.now() / 1_000) * 1_000 + days * day);
    for (const days of [-1, 367])
      await expect(importInto(KeyId, randomBytes(32), { ...expires, ValidTo: at(days) })).rejects.toMatchObject(
        refused('Validation'),
      );
    const ValidTo = at(364);
    await importInto(KeyId, randomBytes(32), { ...expires, ValidTo });
    expect(await describeKey(KeyId)).toMatchObject({ ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo });
  });

  test('is never lost by a deletion that is cancelled', async () => {
    const { KeyId } = await external();
    await w.kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    await expect(parameters(KeyId)).rejects.toMatchObject(refused('KMSInvalidState'));
    await w.kms.send(new CancelKeyDeletionCommand({ KeyId }));
    expect(await describeKey(KeyId)).toMatchObject({ KeyState: 'PendingImport' });
  });

  test('is not for keys of KMS itself', async () => {
    const { KeyId, Arn } = await w.createKey();
    const message = `${Arn} origin is AWS_KMS which is not valid for this operation.`;
    await expect(parameters(KeyId)).rejects.toMatchObject(refused('UnsupportedOperation', message));
    await expect(w.kms.send(new DeleteImportedKeyMaterialCommand({ KeyId }))).rejects.toMatchObject(
      refused('UnsupportedOperation', message),
    );
  });

  test('records name the material and hold none of it', async () => {
    const { KeyId, Arn } = await external();
    const material = randomBytes(32);
    const { KeyMaterialId } = await importInto(KeyId, material);
    // The record of a change is committed with it and delivered a moment later.
    const own = async () =>
      (await w.records('ImportKeyMaterial')).filter(
        ({ requestParameters }) => (requestParameters as { keyId?: string }).keyId === KeyId,
      );
    await expect.poll(own, { timeout: 30_000 }).toMatchObject([
      {
        requestParameters: { keyId: KeyId, expirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' },
        responseElements: { keyId: Arn, keyMaterialId: KeyMaterialId },
        readOnly: false,
      },
    ]);
    const [record] = await own();
    expect(Object.keys(record?.['requestParameters'] as object).sort()).toEqual(['expirationModel', 'keyId']);
    for (const encoding of ['base64', 'hex'] as const)
      expect(JSON.stringify(record)).not.toContain(material.toString(encoding));
  });
});

describe('imported material of other keys does what it did before', () => {
  const Message = Buffer.from('signed by an imported key');

  test('RSA: a signature made outside verifies here, and the other way round', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { KeyId } = await w.createKey({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY', Origin: 'EXTERNAL' });
    const der = privateKey.export({ format: 'der', type: 'pkcs8' });
    const own = await parameters(KeyId, 'RSA_AES_KEY_WRAP_SHA_256', 'RSA_3072');
    await importInto(KeyId, der, {}, own);
    const SigningAlgorithm = 'RSASSA_PKCS1_V1_5_SHA_256';
    const Signature = nodeSign('sha256', Message, privateKey);
    await w.kms.send(new VerifyCommand({ KeyId, Message, Signature, SigningAlgorithm }));
    const signed = await w.kms.send(new SignCommand({ KeyId, Message, SigningAlgorithm }));
    expect(nodeVerify('sha256', Message, publicKey, signed.Signature ?? Buffer.alloc(0))).toBe(true);
    expect(await describeKey(KeyId)).not.toHaveProperty('CurrentKeyMaterialId');
  });

  interface Curve {
    readonly spec: KeySpec;
    readonly pair: () => KeyPairKeyObjectResult;
    readonly signing: SigningAlgorithmSpec;
    /** OpenSSL's; Ed25519 has its own. */
    readonly hash: string | null;
    readonly wrapping: readonly [AlgorithmSpec, WrappingKeySpec];
  }
  const ec = (namedCurve: string) => () => generateKeyPairSync('ec', { namedCurve });
  const curves: Curve[] = [
    {
      ...{ spec: 'ECC_NIST_P256', pair: ec('P-256'), signing: 'ECDSA_SHA_256', hash: 'sha256' },
      wrapping: ['RSAES_OAEP_SHA_1', 'RSA_2048'],
    },
    {
      ...{ spec: 'ECC_NIST_P384', pair: ec('P-384'), signing: 'ECDSA_SHA_384', hash: 'sha384' },
      wrapping: ['RSAES_OAEP_SHA_256', 'RSA_3072'],
    },
    {
      ...{ spec: 'ECC_NIST_P521', pair: ec('P-521'), signing: 'ECDSA_SHA_512', hash: 'sha512' },
      wrapping: ['RSAES_OAEP_SHA_256', 'RSA_4096'],
    },
    {
      ...{ spec: 'ECC_SECG_P256K1', pair: ec('secp256k1'), signing: 'ECDSA_SHA_256', hash: 'sha256' },
      wrapping: ['RSA_AES_KEY_WRAP_SHA_1', 'RSA_2048'],
    },
    {
      ...{ spec: 'ECC_NIST_EDWARDS25519', pair: () => generateKeyPairSync('ed25519'), signing: 'ED25519_SHA_512' },
      ...{ hash: null, wrapping: ['RSA_AES_KEY_WRAP_SHA_256', 'RSA_2048'] },
    },
  ];
  test.each(curves)('$spec', { timeout: 60_000 }, async ({ spec, pair, signing, hash, wrapping }) => {
    const { privateKey, publicKey } = pair();
    const { KeyId } = await w.createKey({ KeySpec: spec, KeyUsage: 'SIGN_VERIFY', Origin: 'EXTERNAL' });
    const der = privateKey.export({ format: 'der', type: 'pkcs8' });
    await importInto(KeyId, der, {}, await parameters(KeyId, ...wrapping));
    const signed = await w.kms.send(new SignCommand({ KeyId, Message, SigningAlgorithm: signing }));
    expect(nodeVerify(hash, Message, publicKey, signed.Signature ?? Buffer.alloc(0))).toBe(true);
    const Signature = nodeSign(hash, Message, privateKey);
    await w.kms.send(new VerifyCommand({ KeyId, Message, Signature, SigningAlgorithm: signing }));
    const other = pair().privateKey.export({ format: 'der', type: 'pkcs8' });
    const again = importInto(KeyId, other, {}, await parameters(KeyId, ...wrapping));
    await expect(again).rejects.toMatchObject(refused('IncorrectKeyMaterial'));
  });

  test.each([3072, 4096] as const)(
    'RSA_%s: what was encrypted outside',
    { timeout: 120_000 },
    async (modulusLength) => {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength });
      const KeySpec = `RSA_${modulusLength}` as const;
      const { KeyId } = await w.createKey({ KeySpec, KeyUsage: 'ENCRYPT_DECRYPT', Origin: 'EXTERNAL' });
      const der = privateKey.export({ format: 'der', type: 'pkcs8' });
      await importInto(KeyId, der, {}, await parameters(KeyId, 'RSA_AES_KEY_WRAP_SHA_1', 'RSA_4096'));
      const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
      const CiphertextBlob = publicEncrypt({ key: publicKey, ...padding }, Message);
      const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
      const opened = await w.kms.send(new DecryptCommand({ KeyId, CiphertextBlob, EncryptionAlgorithm }));
      expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Message);
      const made = await w.kms.send(new EncryptCommand({ KeyId, Plaintext: Message, EncryptionAlgorithm }));
      expect(privateDecrypt({ key: privateKey, ...padding }, made.CiphertextBlob ?? Buffer.alloc(0))).toEqual(Message);
    },
  );

  test.each([
    ['HMAC_224', 28, 'HMAC_SHA_224', 'sha224'],
    ['HMAC_256', 32, 'HMAC_SHA_256', 'sha256'],
    ['HMAC_384', 48, 'HMAC_SHA_384', 'sha384'],
    ['HMAC_512', 64, 'HMAC_SHA_512', 'sha512'],
  ] as const)('%s', async (KeySpec, bytes, MacAlgorithm, hash) => {
    const material = randomBytes(bytes);
    const { KeyId } = await w.createKey({ KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC', Origin: 'EXTERNAL' });
    await importInto(KeyId, material);
    const { Mac } = await w.kms.send(new GenerateMacCommand({ KeyId, Message, MacAlgorithm }));
    expect(Buffer.from(Mac ?? [])).toEqual(createHmac(hash, material).update(Message).digest());
    await expect(importInto(KeyId, randomBytes(bytes))).rejects.toMatchObject(refused('IncorrectKeyMaterial'));
  });
});
