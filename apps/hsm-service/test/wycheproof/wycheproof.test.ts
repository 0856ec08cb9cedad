import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type CipherGCMTypes,
  type KeyObject,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { gcmsiv } from '@noble/ciphers/aes.js';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { describe, expect, test } from 'vitest';
import { sharedSecret } from '../../src/domain/agreement.js';
import type { SigningAlgorithm } from '../../src/domain/algorithms.js';
import { der, derInteger, INTEGER, OCTET_STRING, SEQUENCE } from '../../src/domain/der.js';
import { unwrapPadded } from '../../src/domain/import-material.js';
import { runJob, type Signing } from '../../src/domain/jobs.js';
import { keySpec } from '../../src/domain/key-specs.js';
import { KEY_SPECS } from '../../src/domain/material.js';
import { decapsulate, publicKeyOfSeed } from '../../src/domain/post-quantum.js';
import { oaepDecrypt } from '../../src/domain/rsa.js';
import { hex } from '../vectors.js';

type Fields = Record<string, string | undefined>;
type Vector = Fields & { tcId: number; flags: string[]; result: 'valid' | 'invalid' | 'acceptable' };
type Group = Fields & { tests: Vector[] };

const packed = readFileSync(new URL('../../../../vectors/wycheproof/hsm.json.br', import.meta.url));
const files = JSON.parse(brotliDecompressSync(packed).toString()) as Record<string, Group[]>;
const bytes = (value: string | undefined): Buffer => hex(value ?? '');
const spki = (value: string | undefined): KeyObject =>
  createPublicKey({ key: bytes(value), format: 'der', type: 'spki' });
const specOf = (name: string): Signing['spec'] => keySpec(KEY_SPECS.indexOf(name as (typeof KEY_SPECS)[number]) + 1);

/**
 * Vectors that are not run, and why. vectors/wycheproof/README.md lists whole files.
 * `what` says how we differ from the verdict of the vector, or that our interface cannot express it.
 */
function excluded(name: string, group: Group, vector: Vector): string | undefined {
  if (vector.label) return 'OAEP labels: KMS has none';
  if (vector.ctx) return 'ML-DSA contexts: KMS has none';
  if (name === 'aes_gcm' && (Number(group.ivSize) !== 96 || Number(group.tagSize) !== 128))
    return 'blobs use 96-bit IVs';
  if (name.startsWith('aes_gcm_siv') && vector.key?.length !== 64) return 'tokens use 256-bit keys';
  if (name === 'aes_gcm' && vector.key?.length !== 64) return 'blobs use 256-bit keys';
  if (name.startsWith('hmac') && Number(group.tagSize) < hashBits(name)) return 'KMS does not truncate MACs';
  return undefined;
}

const hashBits = (name: string): number => Number(/sha(\d+)/.exec(name)?.[1]);

/** Whether we say what the vector says; 'acceptable' leaves both ways open. */
function check(name: string, run: (group: Group, vector: Vector) => boolean): void {
  let ran = 0;
  const wrong: string[] = [];
  for (const group of files[name] as Group[]) {
    for (const vector of group.tests) {
      if (excluded(name, group, vector)) continue;
      ran++;
      const said = run(group, vector);
      if (vector.result !== 'acceptable' && said !== (vector.result === 'valid'))
        wrong.push(`${vector.tcId} ${vector.flags.join()}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(ran).toBeGreaterThan(0);
}

const named = (prefix: string): string[] => Object.keys(files).filter((name) => name.startsWith(prefix));
const quietly = (run: () => boolean): boolean => {
  try {
    return run();
  } catch {
    return false;
  }
};

test('aes_gcm', () => {
  check('aes_gcm', (_, v) =>
    quietly(() => {
      const gcm: CipherGCMTypes = 'aes-256-gcm';
      const cipher = createDecipheriv(gcm, bytes(v.key), bytes(v.iv), { authTagLength: 16 });
      cipher.setAAD(bytes(v.aad)).setAuthTag(bytes(v.tag));
      const plain = Buffer.concat([cipher.update(bytes(v.ct)), cipher.final()]);
      const again = createCipheriv(gcm, bytes(v.key), bytes(v.iv), { authTagLength: 16 }).setAAD(bytes(v.aad));
      return plain.equals(bytes(v.msg)) && Buffer.concat([again.update(plain), again.final()]).equals(bytes(v.ct));
    }),
  );
});

test('aes_gcm_siv', () => {
  check('aes_gcm_siv', (_, v) =>
    quietly(() => {
      const cipher = gcmsiv(bytes(v.key), bytes(v.iv), bytes(v.aad));
      return Buffer.from(cipher.decrypt(Buffer.concat([bytes(v.ct), bytes(v.tag)]))).equals(bytes(v.msg));
    }),
  );
});

test('aes_kwp', () => {
  check('aes_kwp', (_, v) => unwrapPadded(bytes(v.key), bytes(v.ct))?.equals(bytes(v.msg)) ?? false);
});

const SPEC_OF_CURVE: Record<string, string> = {
  ...{
    secp256r1: 'ECC_NIST_P256',
    secp384r1: 'ECC_NIST_P384',
    secp521r1: 'ECC_NIST_P521',
    secp256k1: 'ECC_SECG_P256K1',
  },
};

describe.each(named('ecdsa'))('%s', (name) => {
  const [, curve, bits] = /ecdsa_(\w+?)_sha(\d+)/.exec(name) as unknown as [string, string, string];
  const algorithm: SigningAlgorithm = {
    ...{ name, scheme: 'ecdsa', hash: `sha${bits}`, digestBytes: Number(bits) / 8, specs: [] },
  };
  const spec = specOf(SPEC_OF_CURVE[curve] as string);
  test.each([false, true])('verified from a digest: %s', (prepared) => {
    check(name, (group, v) => {
      const message = prepared ? createHash(algorithm.hash).update(bytes(v.msg)).digest() : bytes(v.msg);
      const what = { spec, algorithm, message, prepared, signature: bytes(v.sig), key: spki(group.publicKeyDer) };
      return quietly(() => runJob('verify', what));
    });
  });
});

describe.each(named('ecdh'))('%s', (name) => {
  const { curve } = specOf(SPEC_OF_CURVE[name.replace('ecdh_', '')] as string);
  test('derives', () => {
    check(name, (_, v) =>
      quietly(() => {
        const [key, own] = ecKey(curve as string, bytes(v.private));
        const secret = sharedSecret(key, own, bytes(v.public));
        // Compressed points are refused: the canonical form is the uncompressed one.
        if (!secret && v.flags.some((flag) => CANONICAL_ONLY.has(flag))) return v.result === 'valid';
        return secret?.equals(bytes(v.shared)) ?? false;
      }),
    );
  });
});

const CANONICAL_ONLY = new Set(['CompressedPoint', 'CompressedPublic']);

const ecKeys = new Map<string, [KeyObject, Buffer]>();

function ecKey(curve: string, scalar: Buffer): [KeyObject, Buffer] {
  const id = curve + scalar.toString('hex');
  const known = ecKeys.get(id) ?? makeEcKey(curve, scalar);
  ecKeys.set(id, known);
  return known;
}

function makeEcKey(curve: string, scalar: Buffer): [KeyObject, Buffer] {
  const size = { prime256v1: 32, secp384r1: 48, secp521r1: 66 }[curve] as number;
  const d = Buffer.concat([Buffer.alloc(size), scalar]).subarray(-size);
  const ecdh = createECDH(curve);
  ecdh.setPrivateKey(d);
  const sec1 = der(
    SEQUENCE,
    derInteger(Buffer.from([1])),
    der(OCTET_STRING, d),
    der(0xa1, der(3, Buffer.alloc(1), ecdh.getPublicKey())),
  );
  const oid = hex(
    { prime256v1: '06082a8648ce3d030107', secp384r1: '06052b81040022', secp521r1: '06052b81040023' }[curve] as string,
  );
  const algorithm = der(SEQUENCE, hex('06072a8648ce3d0201'), oid);
  const pkcs8 = der(SEQUENCE, der(INTEGER, Buffer.alloc(1)), algorithm, der(OCTET_STRING, sec1));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return [key, createPublicKey(key).export({ format: 'der', type: 'spki' })];
}

test('ed25519', () => {
  const algorithm: SigningAlgorithm = { name: '', scheme: 'ed25519', hash: 'sha512', digestBytes: 64, specs: [] };
  check('ed25519', (group, v) => {
    const what = { algorithm, spec: specOf('ECC_NIST_EDWARDS25519'), message: bytes(v.msg), prepared: false };
    return runJob('verify', { ...what, signature: bytes(v.sig), key: spki(group.publicKeyDer) });
  });
});

test.each(named('hmac'))('%s', (name) => {
  check(name, (_, v) =>
    createHmac(`sha${hashBits(name)}`, bytes(v.key))
      .update(bytes(v.msg))
      .digest()
      .equals(bytes(v.tag)),
  );
});

test.each(named('rsa_oaep'))('%s', (name) => {
  check(name, (group, v) => {
    const key = createPrivateKey({ key: bytes(group.privateKeyPkcs8), format: 'der', type: 'pkcs8' });
    return oaepDecrypt(key, name.includes('sha1') ? 'sha1' : 'sha256', bytes(v.ct))?.equals(bytes(v.msg)) ?? false;
  });
});

describe.each([...named('rsa_pss'), ...named('rsa_signature')])('%s', (name) => {
  const [, modulus, bits] = /(\d{4})_sha(\d+)/.exec(name) as unknown as [string, string, string];
  const scheme = name.includes('pss') ? 'pss' : 'pkcs1';
  const algorithm: SigningAlgorithm = { name, scheme, hash: `sha${bits}`, digestBytes: Number(bits) / 8, specs: [] };
  test.each([false, true])('verified from a digest: %s', (prepared) => {
    check(name, (group, v) => {
      const message = prepared ? createHash(algorithm.hash).update(bytes(v.msg)).digest() : bytes(v.msg);
      const what = { spec: specOf(`RSA_${modulus}`), algorithm, message, prepared };
      return runJob('verify', { ...what, signature: bytes(v.sig), key: spki(group.publicKeyDer) });
    });
  });
});

const DSA = { 44: ml_dsa44, 65: ml_dsa65, 87: ml_dsa87 };

describe.each([44, 65, 87] as const)('ML-DSA-%i', (level) => {
  const spec = specOf(`ML_DSA_${level}`);
  const algorithm: SigningAlgorithm = { name: '', scheme: 'ml-dsa', hash: 'shake256', digestBytes: 64, specs: [] };

  test('verifies', () => {
    check(`mldsa_${level}_verify`, (group, v) => {
      const publicKey = bytes(group.publicKeyDer);
      const what = { spec, algorithm, message: bytes(v.msg), prepared: false, publicKey };
      return quietly(() => runJob('verifyMlDsa', { ...what, signature: bytes(v.sig) }));
    });
  });

  test('makes the public keys of seeds', () => {
    for (const { privateSeed, publicKey } of files[`mldsa_${level}_sign_seed`] as Group[]) {
      if (privateSeed?.length !== 64) continue;
      const made = publicKeyOfSeed(spec.name, bytes(privateSeed)).subarray(-(DSA[level].lengths.publicKey as number));
      if (publicKey) expect(createHash('sha256').update(made).digest('hex')).toBe(publicKey);
    }
  });
});

describe.each(['512', '768', '1024'])('ML-KEM-%s', (level) => {
  const { name } = specOf(`ML_KEM_${level}`);
  const keyOf = (v: Vector): Buffer => {
    const size = { 512: 800, 768: 1184, 1024: 1568 }[level] as number;
    return publicKeyOfSeed(name, bytes(v.seed)).subarray(-size);
  };
  const isKey = (v: Vector): boolean => createHash('sha256').update(keyOf(v)).digest('hex') === v.ek;

  test('decapsulates', () => {
    check(`mlkem_${level}`, (_, v) =>
      quietly(() => {
        if (v.ek && !isKey(v)) return false;
        return decapsulate(name, bytes(v.seed), bytes(v.c))?.equals(bytes(v.K)) ?? false;
      }),
    );
  });

  test('makes keys of seeds', () => {
    check(`mlkem_${level}_keygen_seed`, (_, v) => quietly(() => isKey(v)));
  });
});
