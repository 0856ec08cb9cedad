import {
  DescribeKeyCommand,
  DisableKeyCommand,
  EncryptCommand,
  GenerateMacCommand,
  GetPublicKeyCommand,
  SignCommand,
  VerifyCommand,
  VerifyMacCommand,
  type KeySpec,
  type MacAlgorithmSpec,
  type SigningAlgorithmSpec,
} from '@aws-sdk/client-kms';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { constants, createHash, verify as nodeVerify, type KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refused, wire, type Wire } from './kms.js';

let w: Wire;
beforeAll(async () => {
  w = await wire();
});
afterAll(() => w[Symbol.asyncDispose]());

const Message = Buffer.from('what is signed here is verified elsewhere');
const missing = '1234abcd-12ab-34cd-56ef-1234567890ab';

interface Signed {
  readonly KeyId: string;
  readonly SigningAlgorithm: SigningAlgorithmSpec;
}

async function sign(key: Signed, message: Uint8Array, MessageType: 'RAW' | 'DIGEST' | 'EXTERNAL_MU' = 'RAW') {
  const { Signature } = await w.kms.send(new SignCommand({ ...key, Message: message, MessageType }));
  const verified = await w.kms.send(new VerifyCommand({ ...key, Message: message, MessageType, Signature }));
  expect(verified).toMatchObject({ SignatureValid: true, SigningAlgorithm: key.SigningAlgorithm });
  return Signature ?? new Uint8Array();
}

const bitsOf = (algorithm: string): string => /(256|384|512)$/.exec(algorithm)?.[1] ?? '';

/** OpenSSL's word on a signature. */
function opensslVerifies(algorithm: string, key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  if (algorithm.startsWith('ED25519')) return nodeVerify(null, message, key, signature);
  const hash = `sha${bitsOf(algorithm)}`;
  if (!algorithm.startsWith('RSASSA_PSS')) return nodeVerify(hash, message, key, signature);
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return nodeVerify(hash, message, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature);
}

const rsa = ['PKCS1_V1_5', 'PSS'].flatMap((padding) =>
  [256, 384, 512].map((bits) => `RSASSA_${padding}_SHA_${bits}` as SigningAlgorithmSpec),
);

describe('signatures hold for OpenSSL', () => {
  const table: [KeySpec, SigningAlgorithmSpec[]][] = [
    ['RSA_2048', rsa],
    ['RSA_3072', ['RSASSA_PSS_SHA_384']],
    ['ECC_NIST_P256', ['ECDSA_SHA_256']],
    ['ECC_NIST_P384', ['ECDSA_SHA_384']],
    ['ECC_NIST_P521', ['ECDSA_SHA_512']],
    ['ECC_SECG_P256K1', ['ECDSA_SHA_256']],
  ];

  test.each(table)('%s, RAW and DIGEST', async (KeySpec, algorithms) => {
    const { KeyId, SigningAlgorithms, Arn } = await w.createKey({ KeySpec, KeyUsage: 'SIGN_VERIFY' });
    expect(SigningAlgorithms).toEqual(expect.arrayContaining(algorithms));
    const shown = await w.kms.send(new GetPublicKeyCommand({ KeyId }));
    expect(shown).toMatchObject({ KeyId: Arn, KeySpec, CustomerMasterKeySpec: KeySpec, KeyUsage: 'SIGN_VERIFY' });
    const key = await w.publicKey(KeyId);
    for (const SigningAlgorithm of algorithms) {
      const own = { KeyId, SigningAlgorithm };
      expect(opensslVerifies(SigningAlgorithm, key, Message, await sign(own, Message))).toBe(true);
      const digest = createHash(`sha${bitsOf(SigningAlgorithm)}`)
        .update(Message)
        .digest();
      expect(opensslVerifies(SigningAlgorithm, key, Message, await sign(own, digest, 'DIGEST'))).toBe(true);
    }
  });

  test('Ed25519, pure and pre-hashed', async () => {
    const { KeyId } = await w.createKey({ KeySpec: 'ECC_NIST_EDWARDS25519', KeyUsage: 'SIGN_VERIFY' });
    const key = await w.publicKey(KeyId);
    const pure = await sign({ KeyId, SigningAlgorithm: 'ED25519_SHA_512' }, Message);
    expect(opensslVerifies('ED25519_SHA_512', key, Message, pure)).toBe(true);
    const digest = createHash('sha512').update(Message).digest();
    const hashed = await sign({ KeyId, SigningAlgorithm: 'ED25519_PH_SHA_512' }, digest, 'DIGEST');
    expect(ed25519ph.verify(hashed, Message, (await w.spki(KeyId)).subarray(-32))).toBe(true);
  });
});

describe('ML-DSA', () => {
  test.each([
    ['ML_DSA_44', ml_dsa44, 1_312],
    ['ML_DSA_65', ml_dsa65, 1_952],
    ['ML_DSA_87', ml_dsa87, 2_592],
  ] as const)('%s verifies with noble', async (KeySpec, library, length) => {
    const { KeyId } = await w.createKey({ KeySpec, KeyUsage: 'SIGN_VERIFY' });
    const publicKey = (await w.spki(KeyId)).subarray(-length);
    const signature = await sign({ KeyId, SigningAlgorithm: 'ML_DSA_SHAKE_256' }, Message);
    expect(library.verify(signature, Message, publicKey)).toBe(true);
    await sign({ KeyId, SigningAlgorithm: 'ML_DSA_SHAKE_256' }, Buffer.alloc(64, 7), 'EXTERNAL_MU');
  });
});

describe('signing refuses', () => {
  let rsaKey = '';
  let curve = '';
  beforeAll(async () => {
    rsaKey = (await w.createKey({ KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })).KeyId;
    curve = (await w.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })).KeyId;
  });

  test('a signature that does not fit, without a word', async () => {
    const SigningAlgorithm = 'ECDSA_SHA_256';
    const Signature = await sign({ KeyId: curve, SigningAlgorithm }, Message);
    const other = new VerifyCommand({ KeyId: curve, SigningAlgorithm, Signature, Message: Buffer.from('another') });
    await expect(w.kms.send(other)).rejects.toMatchObject({ name: 'KMSInvalidSignatureException' });
    const garbage = new VerifyCommand({ KeyId: curve, SigningAlgorithm, Signature: Buffer.alloc(9), Message });
    await expect(w.kms.send(garbage)).rejects.toMatchObject({ name: 'KMSInvalidSignatureException' });
  });

  test('algorithms, messages and usages of other keys', async () => {
    const bad = (input: object) => w.kms.send(new SignCommand({ KeyId: rsaKey, Message, ...input } as never));
    await expect(bad({ SigningAlgorithm: 'ECDSA_SHA_256' })).rejects.toMatchObject(
      refused('InvalidKeyUsage', 'Algorithm ECDSA_SHA_256 is incompatible with key spec RSA_2048.'),
    );
    await expect(bad({ SigningAlgorithm: 'RSASSA_PSS_SHA_256', MessageType: 'DIGEST' })).rejects.toMatchObject(
      refused('Validation', 'Digest is invalid length for algorithm RSASSA_PSS_SHA_256.'),
    );
    await expect(bad({ SigningAlgorithm: 'ROT13' })).rejects.toMatchObject(refused('Validation'));
    await expect(bad({ SigningAlgorithm: 'RSASSA_PSS_SHA_256', Message: Buffer.alloc(4097) })).rejects.toMatchObject(
      refused(
        'Validation',
        "1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length less than or equal to 4096",
      ),
    );
    await expect(bad({ KeyId: missing, SigningAlgorithm: 'RSASSA_PSS_SHA_256' })).rejects.toMatchObject(
      refused('NotFound'),
    );
    await expect(w.kms.send(new EncryptCommand({ KeyId: rsaKey, Plaintext: Message }))).rejects.toMatchObject({
      message: expect.stringMatching(/key usage is SIGN_VERIFY which is not valid for Encrypt\.$/) as string,
    });
    const { KeyId } = await w.createKey();
    const symmetric = new SignCommand({ KeyId, Message, SigningAlgorithm: 'ECDSA_SHA_256' });
    await expect(w.kms.send(symmetric)).rejects.toMatchObject(refused('InvalidKeyUsage'));
    await expect(w.kms.send(new GetPublicKeyCommand({ KeyId }))).rejects.toMatchObject(refused('UnsupportedOperation'));
  });

  test('a dry run, and a disabled key', async () => {
    const { KeyId } = await w.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    const input = { KeyId, Message, SigningAlgorithm: 'ECDSA_SHA_256' } as const;
    await expect(w.kms.send(new SignCommand({ ...input, DryRun: true }))).rejects.toMatchObject(
      refused('DryRunOperation'),
    );
    await w.kms.send(new DisableKeyCommand({ KeyId }));
    await expect(w.kms.send(new SignCommand(input))).rejects.toMatchObject(refused('Disabled'));
    await expect(w.kms.send(new GetPublicKeyCommand({ KeyId }))).rejects.toMatchObject(refused('Disabled'));
  });
});

describe('MACs', () => {
  test.each([
    ['HMAC_224', 'HMAC_SHA_224', 28],
    ['HMAC_256', 'HMAC_SHA_256', 32],
    ['HMAC_384', 'HMAC_SHA_384', 48],
    ['HMAC_512', 'HMAC_SHA_512', 64],
  ] as const)('%s', async (KeySpec, MacAlgorithm, length) => {
    const { KeyId } = await w.createKey({ KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' });
    const { KeyMetadata } = await w.kms.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({ MacAlgorithms: [MacAlgorithm], KeySpec });
    expect(KeyMetadata).not.toHaveProperty('CurrentKeyMaterialId');
    expect(KeyMetadata).not.toHaveProperty('SigningAlgorithms');
    const { Mac } = await w.kms.send(new GenerateMacCommand({ KeyId, Message, MacAlgorithm }));
    expect(Mac).toHaveLength(length);
    const verified = await w.kms.send(new VerifyMacCommand({ KeyId, Message, MacAlgorithm, Mac }));
    expect(verified.MacValid).toBe(true);
    const wrong = new VerifyMacCommand({ KeyId, Message: Buffer.from('x'), MacAlgorithm, Mac });
    await expect(w.kms.send(wrong)).rejects.toMatchObject({ name: 'KMSInvalidMacException' });
    const other: MacAlgorithmSpec = KeySpec === 'HMAC_512' ? 'HMAC_SHA_256' : 'HMAC_SHA_512';
    const mismatch = new GenerateMacCommand({ KeyId, Message, MacAlgorithm: other });
    await expect(w.kms.send(mismatch)).rejects.toMatchObject(refused('InvalidKeyUsage'));
  });
});

test('records say how was signed, and hold no message, signature or MAC', async () => {
  const secret = Buffer.from('never in the log');
  const { KeyId, Arn } = await w.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
  const { Signature = new Uint8Array() } = await w.kms.send(
    new SignCommand({ KeyId, Message: secret, SigningAlgorithm: 'ECDSA_SHA_256' }),
  );
  const record = (await w.records('Sign')).at(-1);
  expect(record).toMatchObject({
    requestParameters: { keyId: KeyId, messageType: 'RAW', signingAlgorithm: 'ECDSA_SHA_256' },
    ...{ responseElements: null, readOnly: true, resources: [{ ARN: Arn }] },
  });
  for (const bytes of [secret, Buffer.from(Signature)])
    for (const encoding of ['base64', 'hex', 'utf8'] as const)
      expect(JSON.stringify(record)).not.toContain(bytes.toString(encoding));
});
