import { describe, expect, test } from 'vitest';
import { maxPlaintext, requireAlgorithm, requireFits, requireMessage } from '../../src/domain/algorithms.js';
import { wantedKind } from '../../src/domain/creation.js';
import { algorithmsOf, keySpecs } from '../../src/domain/key-spec.js';

const usages = ['ENCRYPT_DECRYPT', 'SIGN_VERIFY', 'GENERATE_VERIFY_MAC', 'KEY_AGREEMENT', 'ENCAPSULATE_DECAPSULATE'];

/** E encrypts, S signs, M authenticates, A agrees, C encapsulates: AWS's own table. */
const compatible: Record<string, string> = {
  SYMMETRIC_DEFAULT: 'E',
  RSA_2048: 'ES',
  RSA_3072: 'ES',
  RSA_4096: 'ES',
  ECC_NIST_P256: 'SA',
  ECC_NIST_P384: 'SA',
  ECC_NIST_P521: 'SA',
  ECC_SECG_P256K1: 'S',
  ECC_NIST_EDWARDS25519: 'S',
  HMAC_224: 'M',
  HMAC_256: 'M',
  HMAC_384: 'M',
  HMAC_512: 'M',
  SM2: 'ESA',
  ML_DSA_44: 'S',
  ML_DSA_65: 'S',
  ML_DSA_87: 'S',
  ML_KEM_512: 'C',
  ML_KEM_768: 'C',
  ML_KEM_1024: 'C',
};

const code = (wanted: string): object => expect.objectContaining({ code: wanted }) as object;

describe('key specs and usages', () => {
  test('all twenty specs', () => expect([...keySpecs].sort()).toEqual(Object.keys(compatible).sort()));

  test.each(Object.entries(compatible))('%s: %s', (spec, letters) => {
    usages.forEach((usage, index) => {
      const fits = letters.includes('ESMAC'.charAt(index));
      expect(algorithmsOf(spec, usage) !== undefined).toBe(fits);
      if (!fits)
        expect(() => wantedKind({ keySpec: spec, keyUsage: usage })).toThrow(
          `KeyUsage ${usage} is not compatible with KeySpec ${spec}`,
        );
      else if (spec === 'SM2')
        expect(() => wantedKind({ keySpec: spec, keyUsage: usage })).toThrow(code('UnsupportedOperation'));
      else expect(wantedKind({ keySpec: spec, keyUsage: usage })).toMatchObject({ spec, usage, origin: 'AWS_KMS' });
    });
  });

  test('only symmetric keys have a usage that goes without saying', () => {
    for (const keySpec of keySpecs.filter((spec) => spec !== 'SYMMETRIC_DEFAULT'))
      expect(() => wantedKind({ keySpec })).toThrow('You must specify a KeyUsage value for all KMS keys except');
  });

  test('post-quantum material is not imported', () => {
    const wanted = { keySpec: 'ML_DSA_44', keyUsage: 'SIGN_VERIFY', origin: 'EXTERNAL' };
    expect(() => wantedKind(wanted)).toThrow(code('UnsupportedOperation'));
  });
});

describe('algorithms', () => {
  test('must be those of the key', () => {
    const rsa = { spec: 'RSA_2048', usage: 'SIGN_VERIFY' };
    expect(() => requireAlgorithm(rsa, 'RSASSA_PSS_SHA_512')).not.toThrow();
    expect(() => requireAlgorithm(rsa, 'ECDSA_SHA_256')).toThrow(
      'Algorithm ECDSA_SHA_256 is incompatible with key spec RSA_2048.',
    );
    expect(() => requireAlgorithm({ spec: 'HMAC_256', usage: 'GENERATE_VERIFY_MAC' }, 'HMAC_SHA_512')).toThrow(
      code('InvalidKeyUsage'),
    );
  });

  test.each([
    ['RSA_2048', 214, 190],
    ['RSA_3072', 342, 318],
    ['RSA_4096', 470, 446],
  ])('%s encrypts %i or %i bytes', (spec, sha1, sha256) => {
    expect(maxPlaintext(spec, 'RSAES_OAEP_SHA_1')).toBe(sha1);
    expect(maxPlaintext(spec, 'RSAES_OAEP_SHA_256')).toBe(sha256);
    expect(() => requireFits({ spec }, 'RSAES_OAEP_SHA_256', new Uint8Array(sha256 + 1))).toThrow(
      `Algorithm RSAES_OAEP_SHA_256 and key spec ${spec} cannot encrypt data larger than ${sha256} bytes.`,
    );
  });

  test.each([
    ['RSASSA_PSS_SHA_384', 'DIGEST', 48],
    ['ECDSA_SHA_512', 'DIGEST', 64],
    ['ED25519_PH_SHA_512', 'DIGEST', 64],
    ['ML_DSA_SHAKE_256', 'EXTERNAL_MU', 64],
  ])('%s with %s takes %i bytes', (algorithm, messageType, length) => {
    expect(() => requireMessage(algorithm, messageType, new Uint8Array(length))).not.toThrow();
    for (const wrong of [length - 1, length + 1])
      expect(() => requireMessage(algorithm, messageType, new Uint8Array(wrong))).toThrow(
        `is invalid length for algorithm ${algorithm}.`,
      );
  });

  test.each([
    ['ED25519_SHA_512', 'DIGEST'],
    ['ED25519_PH_SHA_512', 'RAW'],
    ['ML_DSA_SHAKE_256', 'DIGEST'],
    ['ECDSA_SHA_256', 'EXTERNAL_MU'],
  ])('%s takes no %s', (algorithm, messageType) => {
    expect(() => requireMessage(algorithm, messageType, new Uint8Array(64))).toThrow(
      `Message type ${messageType} is incompatible with algorithm ${algorithm}.`,
    );
  });
});
