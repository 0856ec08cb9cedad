import { createHash, createPublicKey, createPrivateKey, diffieHellman, generateKeyPairSync, verify } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { KEY_SPECS, usages } from '../../src/domain/material.js';
import type { KeyReference } from '../../src/domain/vault.js';
import { bitFlips } from '../vectors.js';
import { account, keyId, testHsm } from './hsm.js';

const hsm = testHsm(undefined, 64);
const coded = (code: string): Error => expect.objectContaining({ code }) as Error;
const sha = (bits: number, message: Uint8Array): Buffer => createHash(`sha${bits}`).update(message).digest();
const specCode = (name: string): number => KEY_SPECS.indexOf(name as (typeof KEY_SPECS)[number]) + 1;
const message = Buffer.from('the message');

interface Made extends KeyReference {
  readonly publicKey: Uint8Array;
}

async function make(spec: string, keyUsage: number): Promise<Made> {
  const wanted = { account, keyId, keySpec: specCode(spec) as 1, keyUsage: keyUsage as 1, generation: 0 };
  const { token, publicKey } = await hsm.wire.generateKey({ ...wanted, multiRegion: false });
  return { token, publicKey, account, keyId };
}

// Codes of the contract.
const [PKCS256, ECDSA256, ECDSA384, ECDSA512, SM2DSA, ML_DSA, ED, ED_PH] = [4, 7, 8, 9, 10, 11, 12, 13] as const;
const [RAW, DIGEST, MU] = [1, 2, 3] as const;

const signers: [string, number, number[]][] = [
  ['RSA_2048', 0, [1, 2, 3, 4, 5, 6]],
  ['ECC_NIST_P256', 256, [ECDSA256]],
  ['ECC_NIST_P384', 384, [ECDSA384]],
  ['ECC_NIST_P521', 512, [ECDSA512]],
  ['ECC_SECG_P256K1', 256, [ECDSA256]],
];

describe.each(signers)('%s signs', (spec, _, algorithms) => {
  let key: Made;
  beforeAll(async () => {
    key = await make(spec, usages.SIGN_VERIFY);
  });

  test.each(algorithms)('with algorithm %i, a message and its digest alike', async (code) => {
    const bits = [256, 384, 512][(code - 1) % 3] as number;
    const raw = { key, message, messageType: RAW, signingAlgorithm: code as 1 };
    const digest = { ...raw, message: sha(bits, message), messageType: DIGEST };
    for (const made of [raw, digest]) {
      const { signature } = await hsm.wire.sign(made);
      expect(verifyOutside(key, code, signature)).toBe(true);
      for (const check of [raw, digest]) await hsm.wire.verify({ ...check, signature });
      const other = { ...raw, message: Buffer.from('another'), signature };
      await expect(hsm.wire.verify(other)).rejects.toThrow(coded('KmsInvalidSignature'));
      const otherDigest = { ...digest, message: sha(bits, Buffer.from('another')), signature };
      await expect(hsm.wire.verify(otherDigest)).rejects.toThrow(coded('KmsInvalidSignature'));
      const flips = [...bitFlips(signature)].filter((_flip, i) => i % 97 === 0);
      for (const flip of flips) {
        await expect(hsm.wire.verify({ ...raw, signature: flip })).rejects.toThrow(coded('KmsInvalidSignature'));
        await expect(hsm.wire.verify({ ...digest, signature: flip })).rejects.toThrow(coded('KmsInvalidSignature'));
      }
    }
    const wrong = { ...digest, message: Buffer.alloc(bits / 8 - 1) };
    await expect(hsm.wire.sign(wrong)).rejects.toThrow('Digest is invalid length for algorithm');
  });

  test('with no algorithm of another spec', async () => {
    for (let code = 1; code <= 13; code++) {
      if (algorithms.includes(code)) continue;
      const attempt = hsm.wire.sign({ key, message, messageType: RAW, signingAlgorithm: code as 1 });
      await expect(attempt).rejects.toThrow(coded('InvalidKeyUsage'));
    }
  });
});

function verifyOutside({ publicKey }: Made, code: number, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  const bits = [256, 384, 512][(code - 1) % 3] as number;
  const padding =
    code >= ECDSA256 ? {} : { padding: code >= PKCS256 ? 1 : 6, ...(code < PKCS256 && { saltLength: bits / 8 }) };
  return verify(`sha${bits}`, message, { key, ...padding }, signature);
}

describe('Ed25519', () => {
  test('signs messages, and digests as Ed25519ph', async () => {
    const key = await make('ECC_NIST_EDWARDS25519', usages.SIGN_VERIFY);
    const pure = { key, message, messageType: RAW, signingAlgorithm: ED } as const;
    const hashed = { key, message: sha(512, message), messageType: DIGEST, signingAlgorithm: ED_PH } as const;
    const [a, b] = [await hsm.wire.sign(pure), await hsm.wire.sign(hashed)];
    await hsm.wire.verify({ ...pure, ...a });
    await hsm.wire.verify({ ...hashed, ...b });
    await expect(hsm.wire.verify({ ...pure, ...b })).rejects.toThrow(coded('KmsInvalidSignature'));
    await expect(hsm.wire.verify({ ...hashed, ...a })).rejects.toThrow(coded('KmsInvalidSignature'));
    for (const signature of bitFlips(b.signature)) {
      await expect(hsm.wire.verify({ ...hashed, signature })).rejects.toThrow(coded('KmsInvalidSignature'));
    }
    const raw = { ...hashed, messageType: RAW };
    await expect(hsm.wire.sign(raw)).rejects.toThrow(coded('Validation'));
    await expect(hsm.wire.sign({ ...pure, messageType: DIGEST })).rejects.toThrow(coded('Validation'));
  });
});

describe.each(['ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87'])('%s', (spec) => {
  test('signs messages and message representatives', async () => {
    const key = await make(spec, usages.SIGN_VERIFY);
    const raw = { key, message, messageType: RAW, signingAlgorithm: ML_DSA } as const;
    const mu = { ...raw, message: muOf(key.publicKey), messageType: MU } as const;
    for (const made of [raw, mu]) {
      const { signature } = await hsm.wire.sign(made);
      for (const check of [raw, mu]) await hsm.wire.verify({ ...check, signature });
      const flip = Buffer.from(signature);
      flip[100] = (flip[100] as number) ^ 1;
      await expect(hsm.wire.verify({ ...raw, signature: flip })).rejects.toThrow(coded('KmsInvalidSignature'));
      const short = signature.subarray(1);
      await expect(hsm.wire.verify({ ...mu, signature: short })).rejects.toThrow(coded('KmsInvalidSignature'));
    }
    await expect(hsm.wire.sign({ ...raw, messageType: DIGEST })).rejects.toThrow(coded('Validation'));
    await expect(hsm.wire.sign({ ...mu, message })).rejects.toThrow(coded('Validation'));
    expect((await hsm.wire.getPublicKey({ key })).publicKey).toEqual(key.publicKey);
  });

  /** FIPS 204, algorithm 7 lines 6 and 7, for an empty context. */
  function muOf(spki: Uint8Array): Buffer {
    const sizes = { ML_DSA_44: 1312, ML_DSA_65: 1952, ML_DSA_87: 2592 };
    const shake = (...parts: Uint8Array[]): Buffer => {
      const hash = createHash('shake256', { outputLength: 64 });
      for (const part of parts) hash.update(part);
      return hash.digest();
    };
    const tr = shake(spki.subarray(-sizes[spec as keyof typeof sizes]));
    return shake(tr, Buffer.from([0, 0]), message);
  }
});

describe.each([
  ['ML_KEM_512', 768],
  ['ML_KEM_768', 1088],
  ['ML_KEM_1024', 1568],
] as const)('%s', (spec, bytes) => {
  test('encapsulates and decapsulates, and rejects implicitly', async () => {
    const key = await make(spec, usages.ENCAPSULATE_DECAPSULATE);
    const { sharedSecret, ciphertextBlob } = await hsm.wire.encapsulate({ key });
    expect(ciphertextBlob).toHaveLength(bytes);
    expect(sharedSecret).toHaveLength(32);
    expect((await hsm.wire.decapsulate({ key, ciphertextBlob })).sharedSecret).toEqual(sharedSecret);
    const changed = Buffer.from(ciphertextBlob);
    changed[0] = (changed[0] as number) ^ 1;
    const rejected = await hsm.wire.decapsulate({ key, ciphertextBlob: changed });
    expect(rejected.sharedSecret).toHaveLength(32);
    expect(rejected.sharedSecret).not.toEqual(sharedSecret);
    expect(await hsm.wire.decapsulate({ key, ciphertextBlob: changed })).toEqual(rejected);
    for (const wrong of [
      ciphertextBlob.subarray(1),
      Buffer.concat([ciphertextBlob, Buffer.alloc(1)]),
      Buffer.alloc(0),
    ]) {
      const attempt = hsm.wire.decapsulate({ key, ciphertextBlob: wrong });
      await expect(attempt).rejects.toThrow(coded('InvalidCiphertext'));
    }
  });
});

describe('RSA encryption', () => {
  const [SHA1, SHA256] = [2, 3] as const;
  let key: Made;
  beforeAll(async () => {
    key = await make('RSA_2048', usages.ENCRYPT_DECRYPT);
  });

  test.each([
    [SHA1, 214],
    [SHA256, 190],
  ])('with algorithm %i up to %i bytes', async (encryptionAlgorithm, max) => {
    for (const n of [1, max]) {
      const request = { key, plaintext: Buffer.alloc(n, 7), encryptionContext: {}, encryptionAlgorithm };
      const { ciphertextBlob } = await hsm.wire.encrypt(request);
      const answer = await hsm.wire.decrypt({ ...request, ciphertextBlob });
      expect(Buffer.from(answer.plaintext)).toEqual(Buffer.alloc(n, 7));
      for (const blob of n === max ? [] : bitFlips(ciphertextBlob)) {
        const attempt = hsm.wire.decrypt({ ...request, ciphertextBlob: blob });
        await expect(attempt).rejects.toThrow(coded('InvalidCiphertext'));
      }
      const other = { ...request, encryptionAlgorithm: (5 - encryptionAlgorithm) as 2, ciphertextBlob };
      await expect(hsm.wire.decrypt(other)).rejects.toThrow(coded('InvalidCiphertext'));
      const short = { ...request, ciphertextBlob: ciphertextBlob.subarray(1) };
      await expect(hsm.wire.decrypt(short)).rejects.toThrow(coded('InvalidCiphertext'));
    }
    const long = { key, plaintext: Buffer.alloc(max + 1), encryptionContext: {}, encryptionAlgorithm };
    await expect(async () => hsm.wire.encrypt(long)).rejects.toThrow(`cannot encrypt data larger than ${max} bytes.`);
  });

  test('takes no context, and no algorithm that is not its own', async () => {
    const request = { key, plaintext: message, encryptionContext: { a: 'b' }, encryptionAlgorithm: SHA256 };
    await expect(async () => hsm.wire.encrypt(request)).rejects.toThrow(coded('Validation'));
    for (const encryptionAlgorithm of [undefined, 0, 1, 4] as (1 | undefined)[]) {
      const other = { ...request, encryptionContext: {}, encryptionAlgorithm };
      await expect(async () => hsm.wire.encrypt(other)).rejects.toThrow(coded('InvalidKeyUsage'));
    }
  });

  test('moves messages to and from symmetric keys', async () => {
    const symmetric = await make('SYMMETRIC_DEFAULT', usages.ENCRYPT_DECRYPT);
    const { ciphertextBlob } = await hsm.wire.encrypt({
      key: symmetric,
      plaintext: message,
      encryptionContext: { a: 'b' },
    });
    const there = await hsm.wire.reEncrypt({
      ...{ sourceKey: symmetric, ciphertextBlob, sourceEncryptionContext: { a: 'b' } },
      ...{ destinationKey: key, destinationEncryptionContext: {}, destinationEncryptionAlgorithm: SHA256 },
    });
    const back = await hsm.wire.reEncrypt({
      ...{ sourceKey: key, ...there, sourceEncryptionContext: {}, sourceEncryptionAlgorithm: SHA256 },
      ...{ destinationKey: symmetric, destinationEncryptionContext: {} },
    });
    const { plaintext } = await hsm.wire.decrypt({ key: symmetric, ...back, encryptionContext: {} });
    expect(Buffer.from(plaintext)).toEqual(message);
  });
});

describe.each([
  ['ECC_NIST_P256', 'prime256v1', 32],
  ['ECC_NIST_P384', 'secp384r1', 48],
  ['ECC_NIST_P521', 'secp521r1', 66],
])('ECDH with %s', (spec, namedCurve, bytes) => {
  test('agrees with a peer, and only with a point on its curve', async () => {
    const key = await make(spec, usages.KEY_AGREEMENT);
    const peer = generateKeyPairSync('ec', { namedCurve });
    const publicKey = peer.publicKey.export({ format: 'der', type: 'spki' });
    const { sharedSecret } = await hsm.wire.deriveSharedSecret({ key, publicKey });
    const ours = createPublicKey({ key: Buffer.from(key.publicKey), format: 'der', type: 'spki' });
    expect(sharedSecret).toHaveLength(bytes);
    expect(Buffer.from(sharedSecret)).toEqual(diffieHellman({ privateKey: peer.privateKey, publicKey: ours }));
    const explicit = generateKeyPairSync('ec', { namedCurve, paramEncoding: 'explicit' }).publicKey;
    const offCurve = Buffer.from(publicKey);
    offCurve[offCurve.length - 1] = (offCurve[offCurve.length - 1] as number) ^ 1;
    const strangers = ['prime256v1', 'secp384r1', 'secp521r1', 'secp256k1'].filter((name) => name !== namedCurve);
    const bad = [
      ...[explicit.export({ format: 'der', type: 'spki' }), offCurve, Buffer.concat([publicKey, Buffer.alloc(1)])],
      ...strangers.map((name) =>
        generateKeyPairSync('ec', { namedCurve: name }).publicKey.export({ format: 'der', type: 'spki' }),
      ),
      ...[
        publicKey.subarray(1),
        Buffer.alloc(0),
        generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }),
      ],
    ];
    for (const wrong of bad) {
      await expect(hsm.wire.deriveSharedSecret({ key, publicKey: wrong })).rejects.toThrow(coded('Validation'));
    }
  });
});

describe.each([
  ['HMAC_224', 1, 28],
  ['HMAC_256', 2, 32],
  ['HMAC_384', 3, 48],
  ['HMAC_512', 4, 64],
])('%s', (spec, code, bytes) => {
  test('makes and verifies MACs', async () => {
    const key = await make(spec, usages.GENERATE_VERIFY_MAC);
    const request = { key, message, macAlgorithm: code as 1 };
    const { mac } = await hsm.wire.generateMac(request);
    expect(mac).toHaveLength(bytes);
    await hsm.wire.verifyMac({ ...request, mac });
    for (const wrong of [...bitFlips(mac), mac.subarray(1), mac.subarray(0, 16)]) {
      await expect(async () => hsm.wire.verifyMac({ ...request, mac: wrong })).rejects.toThrow(coded('KmsInvalidMac'));
    }
    for (const other of [1, 2, 3, 4].filter((n) => n !== code)) {
      const attempt = async (): Promise<unknown> => hsm.wire.generateMac({ ...request, macAlgorithm: other as 1 });
      await expect(attempt).rejects.toThrow(coded('InvalidKeyUsage'));
    }
    await expect(hsm.wire.getPublicKey({ key })).rejects.toThrow(coded('UnsupportedOperation'));
  });
});

describe('data key pairs', () => {
  const specs = [
    'RSA_2048',
    'ECC_NIST_P256',
    'ECC_NIST_P384',
    'ECC_NIST_P521',
    'ECC_SECG_P256K1',
    'ECC_NIST_EDWARDS25519',
  ];
  test.each([...specs, 'ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'])('%s', async (spec) => {
    const key = await make('SYMMETRIC_DEFAULT', usages.ENCRYPT_DECRYPT);
    const encryptionContext = { a: 'b' };
    const request = { key, keyPairSpec: specCode(spec) as 1, encryptionContext, withoutPlaintext: false };
    const pair = await hsm.wire.generateDataKeyPair(request);
    const { privateKeyCiphertextBlob: ciphertextBlob } = pair;
    const { plaintext } = await hsm.wire.decrypt({ key, ciphertextBlob, encryptionContext });
    expect(Buffer.from(plaintext)).toEqual(Buffer.from(pair.privateKeyPlaintext));
    if (!spec.startsWith('ML_KEM')) {
      const privateKey = createPrivateKey({ key: Buffer.from(plaintext), format: 'der', type: 'pkcs8' });
      const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
      expect(publicKey.equals(pair.publicKey)).toBe(true);
    }
    const closed = await hsm.wire.generateDataKeyPair({ ...request, withoutPlaintext: true });
    expect(closed.privateKeyPlaintext).toHaveLength(0);
  });

  test.each(['SYMMETRIC_DEFAULT', 'HMAC_256', 'ML_DSA_44'])('not of %s', async (spec) => {
    const key = await make('SYMMETRIC_DEFAULT', usages.ENCRYPT_DECRYPT);
    const request = { key, keyPairSpec: specCode(spec) as 1, encryptionContext: {}, withoutPlaintext: false };
    await expect(hsm.wire.generateDataKeyPair(request)).rejects.toThrow(coded('Validation'));
    const sm2 = { ...request, keyPairSpec: 14 } as const;
    await expect(hsm.wire.generateDataKeyPair(sm2)).rejects.toThrow(coded('UnsupportedOperation'));
  });

  test('are not wrapped by other keys', async () => {
    const key = await make('ECC_NIST_P256', usages.SIGN_VERIFY);
    const request = { key, keyPairSpec: 5, encryptionContext: {}, withoutPlaintext: false } as const;
    await expect(hsm.wire.generateDataKeyPair(request)).rejects.toThrow(coded('InvalidKeyUsage'));
  });
});

describe('every spec and usage', () => {
  const allowed: Record<string, number[]> = {
    SYMMETRIC_DEFAULT: [1],
    ...Object.fromEntries(['RSA_2048', 'RSA_3072', 'RSA_4096'].map((spec) => [spec, [1, 2]])),
    ...Object.fromEntries(['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521'].map((spec) => [spec, [2, 8]])),
    ...{ ECC_SECG_P256K1: [2], ECC_NIST_EDWARDS25519: [2] },
    ...{ HMAC_224: [4], HMAC_256: [4], HMAC_384: [4], HMAC_512: [4] },
    ...{ ML_DSA_44: [2], ML_DSA_65: [2], ML_DSA_87: [2], ML_KEM_512: [64], ML_KEM_768: [64], ML_KEM_1024: [64] },
  };

  test('that do not belong together are refused', async () => {
    for (const spec of KEY_SPECS) {
      for (const usage of [0, 1, 2, 4, 8, 16, 32, 64]) {
        if (allowed[spec]?.includes(usage)) continue;
        const code = spec === 'SM2' ? 'UnsupportedOperation' : 'Validation';
        await expect(make(spec, usage)).rejects.toThrow(coded(code));
      }
    }
  });

  test('a token made under one domain key opens after rewrapping under the next', async () => {
    const key = await make('ECC_NIST_P256', usages.SIGN_VERIFY);
    const fresh = await hsm.wire.rewrap({ key });
    expect(Buffer.from(fresh.token)).not.toEqual(Buffer.from(key.token));
    const { publicKey } = await hsm.wire.getPublicKey({ key: { ...key, token: fresh.token } });
    expect(Buffer.from(publicKey)).toEqual(Buffer.from(key.publicKey));
  });
});

test('SM2 algorithms fit no key', async () => {
  const key = await make('ECC_NIST_P256', usages.SIGN_VERIFY);
  const request = { key, message, messageType: RAW, signingAlgorithm: SM2DSA } as const;
  await expect(hsm.wire.sign(request)).rejects.toThrow(coded('InvalidKeyUsage'));
});
