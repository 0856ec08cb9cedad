import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keySpec } from '../../src/domain/key-specs.js';
import { KEY_SPECS, materialId, usages } from '../../src/domain/material.js';
import { openToken, parseToken, sealToken, TOKEN_OVERHEAD, type TokenHeader } from '../../src/domain/token.js';
import { bitFlips, hex, reference } from '../vectors.js';

const v = reference.token;
const fields: Omit<TokenHeader, 'materialId'> = {
  ...{ usage: v.usage, spec: v.spec, origin: v.origin, multiRegion: v.flags === 1, epoch: v.epoch },
  ...{ domain: hex(v.domain), account: BigInt(v.account), keyId: hex(v.key_id) },
  ...{ createdMs: BigInt(v.created_ms), generation: v.generation },
};
const random = hex(v.salt + v.nonce);
const refusal = expect.objectContaining({ code: 'InvalidToken' }) as Error;
const open = (token: Uint8Array, dk = hex(v.dk)): Buffer => openToken(dk, parseToken(token));

test('the vector of the reference', () => {
  expect(sealToken(hex(v.dk), fields, hex(v.material), random).toString('hex')).toBe(v.out);
  expect(open(hex(v.out))).toEqual(hex(v.material));
  const id = materialId(hex(v.material), fields.keyId);
  expect(parseToken(hex(v.out)).header).toEqual({ ...fields, materialId: id });
});

test('every changed bit is refused', () => {
  for (const token of bitFlips(hex(v.out))) expect(() => open(token)).toThrow(refusal);
});

test.each([
  ['HMAC_224', 28],
  ['HMAC_512', 64],
  ['ECC_NIST_EDWARDS25519', 48],
  ['ECC_NIST_P256', 138],
  ['ECC_NIST_P521', 241],
  ['RSA_2048', 1218],
  ['ML_DSA_65', 32],
  ['ML_KEM_768', 64],
] as const)('so it is of a token of %s, %i bytes of material', { timeout: 60_000 }, (name, n) => {
  const { code, usages } = keySpec(KEY_SPECS.indexOf(name) + 1);
  const spec = { ...fields, spec: code, usage: usages[0] as number };
  const sealed = sealToken(hex(v.dk), spec, Buffer.alloc(n, 0x5a), random);
  expect(open(sealed)).toHaveLength(n);
  for (const token of bitFlips(sealed)) expect(() => open(token)).toThrow(refusal);
});

test('every truncation and one more byte are refused', () => {
  const token = hex(v.out);
  for (let n = 0; n < token.length; n++) expect(() => open(token.subarray(0, n))).toThrow(refusal);
  expect(() => open(Buffer.concat([token, Buffer.alloc(1)]))).toThrow(refusal);
});

test('another domain key is refused', () => {
  expect(() => open(hex(v.out), Buffer.alloc(32, 0x12))).toThrow(refusal);
});

test('any header and material come back', () => {
  const bytes = (n: number): fc.Arbitrary<Buffer> =>
    fc.uint8Array({ minLength: n, maxLength: n }).map((array) => Buffer.from(array));
  const u32 = fc.integer({ min: 0, max: 0xffffffff });
  const headers = fc.record({
    usage: fc.constantFrom(...Object.values(usages)),
    spec: fc.integer({ min: 2, max: 9 }),
    origin: fc.integer({ min: 0, max: 3 }),
    multiRegion: fc.boolean(),
    ...{ epoch: u32, generation: u32, domain: bytes(16), keyId: bytes(16) },
    account: fc.bigInt({ min: 0n, max: 999_999_999_999n }),
    createdMs: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  });
  const materials = fc.uint8Array({ minLength: 1, maxLength: 400 });
  fc.assert(
    fc.property(headers, materials, bytes(28), bytes(32), (header, material, rnd, dk) => {
      const token = sealToken(dk, header, material, rnd);
      expect(token).toHaveLength(material.length + TOKEN_OVERHEAD);
      expect(open(token, dk).equals(material)).toBe(true);
      expect(parseToken(token).header).toMatchObject(header);
    }),
  );
});

test('what may not be in a token is not sealed', () => {
  const bad: Partial<TokenHeader>[] = [
    ...[{ usage: 0 }, { usage: 0x81 }, { spec: 0 }, { spec: 21 }, { origin: 4 }, { account: 10n ** 12n }],
    ...[{ keyId: Buffer.alloc(15) }, { domain: Buffer.alloc(17) }],
  ];
  for (const part of bad) {
    expect(() => sealToken(hex(v.dk), { ...fields, ...part }, hex(v.material), random)).toThrow();
  }
  expect(() => sealToken(hex(v.dk), fields, Buffer.alloc(31), random)).toThrow(refusal);
});

test('any bytes are refused, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(() => open(Buffer.concat([hex(v.out).subarray(0, 5), bytes]))).toThrow(refusal);
    }),
  );
});
