import {
  DecapsulateCommand,
  DecryptCommand,
  DeriveSharedSecretCommand,
  EncapsulateCommand,
  EncryptCommand,
  EnableKeyRotationCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  ReEncryptCommand,
  RotateKeyOnDemandCommand,
  type DataKeyPairSpec,
  type EncryptionAlgorithmSpec,
  type KeySpec,
} from '@aws-sdk/client-kms';
import { ml_kem1024, ml_kem512, ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import {
  constants,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  publicEncrypt,
  sign as nodeSign,
  verify as nodeVerify,
} from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refused, wire, type Wire } from './kms.js';

let w: Wire;
let symmetric = '';
beforeAll(async () => {
  w = await wire();
  symmetric = (await w.createKey()).KeyId;
});
afterAll(() => w[Symbol.asyncDispose]());

const Plaintext = Buffer.from('short');
const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): void =>
  expect(Buffer.from(a ?? []).toString('hex')).toBe(Buffer.from(b ?? [0]).toString('hex'));

describe('RSA encryption', () => {
  const table: [KeySpec, number, number][] = [
    ['RSA_2048', 214, 190],
    ['RSA_4096', 470, 446],
  ];
  test.each(table)('%s: both ways, up to %i and %i bytes', { timeout: 60_000 }, async (KeySpec, sha1, sha256) => {
    const { KeyId, Arn } = await w.createKey({ KeySpec, KeyUsage: 'ENCRYPT_DECRYPT' });
    const key = await w.publicKey(KeyId);
    for (const [EncryptionAlgorithm, oaepHash, most] of [
      ['RSAES_OAEP_SHA_1', 'sha1', sha1],
      ['RSAES_OAEP_SHA_256', 'sha256', sha256],
    ] as [EncryptionAlgorithmSpec, string, number][]) {
      const longest = Buffer.alloc(most, 7);
      const outside = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, longest);
      const { CiphertextBlob } = await w.kms.send(
        new EncryptCommand({ KeyId, Plaintext: longest, EncryptionAlgorithm }),
      );
      for (const blob of [outside, CiphertextBlob]) {
        const opened = await w.kms.send(new DecryptCommand({ KeyId, CiphertextBlob: blob, EncryptionAlgorithm }));
        expect(opened).toMatchObject({ KeyId: Arn, EncryptionAlgorithm });
        expect(opened).not.toHaveProperty('KeyMaterialId');
        same(opened.Plaintext, longest);
      }
      const long = new EncryptCommand({ KeyId, Plaintext: Buffer.alloc(most + 1), EncryptionAlgorithm });
      await expect(w.kms.send(long)).rejects.toMatchObject(
        refused(
          'Validation',
          `Algorithm ${EncryptionAlgorithm} and key spec ${KeySpec} cannot encrypt data larger than ${most} bytes.`,
        ),
      );
    }
  });

  test('its rules', async () => {
    const { KeyId } = await w.createKey({ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
    const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
    await expect(w.kms.send(new EncryptCommand({ KeyId, Plaintext }))).rejects.toMatchObject(
      refused('InvalidKeyUsage', 'Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.'),
    );
    const EncryptionContext = { a: 'b' };
    await expect(
      w.kms.send(new EncryptCommand({ KeyId, Plaintext, EncryptionAlgorithm, EncryptionContext })),
    ).rejects.toMatchObject(refused('Validation'));
    const { CiphertextBlob } = await w.kms.send(new EncryptCommand({ KeyId, Plaintext, EncryptionAlgorithm }));
    await expect(w.kms.send(new DecryptCommand({ CiphertextBlob, EncryptionAlgorithm }))).rejects.toMatchObject(
      refused('Validation'),
    );
    const other = { KeyId, CiphertextBlob, EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' } as const;
    await expect(w.kms.send(new DecryptCommand(other))).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
    await expect(w.kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }))).rejects.toMatchObject(
      refused('InvalidKeyUsage'),
    );
    await expect(w.kms.send(new EnableKeyRotationCommand({ KeyId }))).rejects.toMatchObject(
      refused('UnsupportedOperation'),
    );
    await expect(w.kms.send(new RotateKeyOnDemandCommand({ KeyId }))).rejects.toMatchObject(
      refused('UnsupportedOperation'),
    );
  });

  test('ReEncrypt between symmetric and RSA keys', async () => {
    const { KeyId, Arn } = await w.createKey({ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
    const EncryptionContext = { from: 'a' };
    const { CiphertextBlob } = await w.kms.send(new EncryptCommand({ KeyId: symmetric, Plaintext, EncryptionContext }));
    const algorithm = 'RSAES_OAEP_SHA_256';
    const there = await w.kms.send(
      new ReEncryptCommand({
        ...{ CiphertextBlob, SourceEncryptionContext: EncryptionContext, DestinationKeyId: KeyId },
        DestinationEncryptionAlgorithm: algorithm,
      }),
    );
    expect(there).toMatchObject({ KeyId: Arn, DestinationEncryptionAlgorithm: algorithm });
    expect(there).not.toHaveProperty('DestinationKeyMaterialId');
    const back = await w.kms.send(
      new ReEncryptCommand({
        ...{ CiphertextBlob: there.CiphertextBlob, SourceKeyId: KeyId, SourceEncryptionAlgorithm: algorithm },
        ...{ DestinationKeyId: symmetric, DestinationEncryptionContext: { to: 'b' } },
      }),
    );
    const opened = new DecryptCommand({ CiphertextBlob: back.CiphertextBlob, EncryptionContext: { to: 'b' } });
    same((await w.kms.send(opened)).Plaintext, Plaintext);
  });
});

describe('shared secrets', () => {
  test.each([
    ['ECC_NIST_P256', 'P-256', 32],
    ['ECC_NIST_P384', 'P-384', 48],
    ['ECC_NIST_P521', 'P-521', 66],
  ] as const)('%s: what OpenSSL derives', async (KeySpec, namedCurve, length) => {
    const { KeyId, KeyAgreementAlgorithms } = await w.createKey({ KeySpec, KeyUsage: 'KEY_AGREEMENT' });
    expect(KeyAgreementAlgorithms).toEqual(['ECDH']);
    const peer = generateKeyPairSync('ec', { namedCurve });
    const PublicKey = peer.publicKey.export({ format: 'der', type: 'spki' });
    const asked = { KeyId, KeyAgreementAlgorithm: 'ECDH' } as const;
    const derived = await w.kms.send(new DeriveSharedSecretCommand({ ...asked, PublicKey }));
    expect(derived).toMatchObject({ KeyAgreementAlgorithm: 'ECDH', KeyOrigin: 'AWS_KMS' });
    expect(derived.SharedSecret).toHaveLength(length);
    same(derived.SharedSecret, diffieHellman({ privateKey: peer.privateKey, publicKey: await w.publicKey(KeyId) }));
    const wrongCurve = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey;
    for (const bad of [wrongCurve.export({ format: 'der', type: 'spki' }), PublicKey.subarray(0, 20)])
      await expect(w.kms.send(new DeriveSharedSecretCommand({ ...asked, PublicKey: bad }))).rejects.toMatchObject(
        refused('Validation'),
      );
  });

  test.each([
    ['ML_KEM_512', ml_kem512, 800],
    ['ML_KEM_768', ml_kem768, 1_184],
    ['ML_KEM_1024', ml_kem1024, 1_568],
  ] as const)('%s: capsules of both sides, and implicit rejection', async (KeySpec, library, length) => {
    const { KeyId } = await w.createKey({ KeySpec, KeyUsage: 'ENCAPSULATE_DECAPSULATE' });
    const EncapsulationAlgorithm = 'ML_KEM';
    const open = (SharedSecretCiphertextBlob: Uint8Array) =>
      w.kms.send(new DecapsulateCommand({ KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob }));
    const made = await w.kms.send(new EncapsulateCommand({ KeyId, EncapsulationAlgorithm }));
    const capsule = made.SharedSecretCiphertextBlob ?? new Uint8Array();
    same((await open(capsule)).SharedSecret, made.SharedSecret);
    const outside = library.encapsulate((await w.spki(KeyId)).subarray(-length));
    same((await open(outside.cipherText)).SharedSecret, outside.sharedSecret);
    const wrong = Uint8Array.from(capsule, (byte, index) => (index === 3 ? byte ^ 1 : byte));
    const rejected = (await open(wrong)).SharedSecret;
    expect(rejected).toHaveLength(32);
    expect(Buffer.from(rejected ?? []).equals(Buffer.from(made.SharedSecret ?? []))).toBe(false);
    await expect(open(capsule.subarray(1))).rejects.toMatchObject({ name: 'InvalidCiphertextException' });
  });
});

describe('data key pairs', () => {
  const EncryptionContext = { pair: 'yes' };
  const pairs: DataKeyPairSpec[] = ['RSA_2048', 'ECC_NIST_P256', 'ECC_SECG_P256K1', 'ECC_NIST_EDWARDS25519'];

  test.each(pairs)('%s', async (KeyPairSpec) => {
    const asked = { KeyId: symmetric, KeyPairSpec, EncryptionContext };
    const made = await w.kms.send(new GenerateDataKeyPairCommand(asked));
    const der = { format: 'der', type: 'pkcs8' } as const;
    const privateKey = createPrivateKey({ key: Buffer.from(made.PrivateKeyPlaintext ?? []), ...der });
    const publicKey = createPublicKey({ key: Buffer.from(made.PublicKey ?? []), format: 'der', type: 'spki' });
    const hash = KeyPairSpec === 'ECC_NIST_EDWARDS25519' ? null : 'sha256';
    expect(nodeVerify(hash, Plaintext, publicKey, nodeSign(hash, Plaintext, privateKey))).toBe(true);
    const opened = new DecryptCommand({ CiphertextBlob: made.PrivateKeyCiphertextBlob, EncryptionContext });
    same((await w.kms.send(opened)).Plaintext, made.PrivateKeyPlaintext);
    const blind = await w.kms.send(new GenerateDataKeyPairWithoutPlaintextCommand(asked));
    expect(blind).not.toHaveProperty('PrivateKeyPlaintext');
    expect(blind).toMatchObject({ KeyPairSpec, KeyMaterialId: made.KeyMaterialId });
  });

  test('ML-KEM has a public key and an encrypted private one', async () => {
    const asked = { KeyId: symmetric, KeyPairSpec: 'ML_KEM_768' } as const;
    const made = await w.kms.send(new GenerateDataKeyPairCommand(asked));
    expect(made.PublicKey).toHaveLength(1_206);
    const opened = await w.kms.send(new DecryptCommand({ CiphertextBlob: made.PrivateKeyCiphertextBlob }));
    same(opened.Plaintext, made.PrivateKeyPlaintext);
  });

  test('SM2 is of China Regions, ML-DSA has none, and records hold no private key', async () => {
    const pair = (KeyPairSpec: string) =>
      w.kms.send(new GenerateDataKeyPairCommand({ KeyId: symmetric, KeyPairSpec: KeyPairSpec as DataKeyPairSpec }));
    await expect(pair('SM2')).rejects.toMatchObject(refused('UnsupportedOperation'));
    await expect(pair('ML_DSA_44')).rejects.toMatchObject(refused('Validation'));
    const made = await pair('ECC_NIST_P256');
    const record = (await w.records('GenerateDataKeyPair')).at(-1);
    expect(record).toMatchObject({
      requestParameters: { keyId: symmetric, keyPairSpec: 'ECC_NIST_P256' },
      ...{ responseElements: null, additionalEventData: { keyMaterialId: made.KeyMaterialId } },
    });
    expect(JSON.stringify(record)).not.toContain(Buffer.from(made.PrivateKeyPlaintext ?? []).toString('base64'));
  });
});
