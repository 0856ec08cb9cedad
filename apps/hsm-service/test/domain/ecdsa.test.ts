import { createECDH, createHash, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ecdsaSignDigest, signWith } from '../../src/domain/ecdsa.js';
import { fromBytes } from '../../src/domain/integers.js';

const curves = [
  ['prime256v1', 32, 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'],
  ['secp256k1', 32, 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'],
  [
    ...(['secp384r1', 48] as const),
    'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
  ],
  [
    ...(['secp521r1', 66] as const),
    '01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409',
  ],
] as const;
const message = Buffer.from('signed with a nonce of our choice');
const digest = createHash('sha256').update(message).digest();

/** r and s of a DER signature. */
function parts(signature: Buffer): readonly [bigint, bigint] {
  const start = (signature[1] as number) & 0x80 ? 3 : 2;
  const length = signature[start + 1] as number;
  const r = signature.subarray(start + 2, start + 2 + length);
  return [fromBytes(r), fromBytes(signature.subarray(start + 4 + length))];
}

const scalar = (value: bigint, length: number): Buffer =>
  Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex');

describe.each(curves)('%s', (curve, length, order) => {
  const n = BigInt(`0x${order}`);
  const d = scalar(0x1234n, length);

  test.each([1n, 2n, n - 1n, n >> 1n, n >> 9n, n >> 70n])('the equation of FIPS 186-5 holds for nonce %s', (nonce) => {
    const k = scalar(nonce, length);
    const signature = signWith(curve, { d, k }, digest);
    const ecdh = createECDH(curve);
    ecdh.setPrivateKey(k);
    const r = fromBytes(ecdh.getPublicKey().subarray(1, 1 + length)) % n;
    const [found, s] = parts(signature as Buffer);
    expect(found).toBe(r);
    expect((s * nonce) % n).toBe((fromBytes(digest) + r * 0x1234n) % n);
  });

  test('a nonce that is not below the order is not used', () => {
    for (const nonce of [n, n + 1n, (1n << BigInt(8 * length)) - 1n])
      expect(signWith(curve, { d, k: scalar(nonce, length) }, digest)).toBeUndefined();
  });

  test('no nonce comes twice, and OpenSSL takes every signature', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
    const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
    const seen = new Set<bigint>();
    for (let i = 0; i < 200; i++) {
      const signature = ecdsaSignDigest(curve, pkcs8, digest);
      expect(verify('sha256', message, publicKey, signature)).toBe(true);
      seen.add(parts(signature)[0]);
    }
    expect(seen.size).toBe(200);
  });
});
