import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { DomainKeys } from '../../src/domain/domain-keys.js';
import type { Engine } from '../../src/domain/engine.js';
import { parseKeyId } from '../../src/domain/identity.js';
import { KEY_SPECS, usages } from '../../src/domain/material.js';
import type { KeyReference, NewKey } from '../../src/domain/vault.js';
import { domain, ring, sealed, testHsm } from './hsm.js';

const createdMs = 0n;
const engineOf = (keys = ring(), maxEntries = 8): Engine => testHsm(keys, maxEntries).symmetric;

const engine = engineOf();
const wanted: NewKey = {
  ...{ account: '000000000000', keyId: '1234abcd-12ab-34cd-56ef-1234567890ab' },
  ...{ spec: 1, usage: usages.ENCRYPT_DECRYPT, generation: 0, multiRegion: false },
};
const make = async (change: Partial<NewKey> = {}, by = engine): Promise<KeyReference> => {
  const key = { ...wanted, ...change };
  return { ...(await by.generateKey(key)), account: key.account, keyId: key.keyId };
};
const utf8 = (text: string): Buffer => Buffer.from(text);
const coded = (code: string): Error => expect.objectContaining({ code }) as Error;

describe('operations', () => {
  let key: KeyReference;
  beforeAll(async () => {
    key = await make();
  });

  test('what was encrypted is decrypted, by any engine of the domain', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 4096 }), fc.dictionary(fc.string(), fc.string()), (m, c) => {
        const blob = engine.encrypt(key, m, c);
        expect(engineOf().decrypt(key, blob, c).equals(m)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('the same message never gives the same blob', () => {
    const blobs = Array.from({ length: 100 }, () => engine.encrypt(key, utf8('x'), {}).toString('hex'));
    expect(new Set(blobs).size).toBe(100);
  });

  test('a data key comes with itself encrypted', () => {
    const { plaintext, blob } = engine.generateDataKey(key, 32, { a: 'b' });
    expect(engine.decrypt(key, blob, { a: 'b' })).toEqual(plaintext);
    expect(plaintext).toHaveLength(32);
  });

  test.each([8, 1])('re-encryption moves a message to another key and context, with a cache of %i', async (entries) => {
    const { symmetric, wire } = testHsm(ring(), entries);
    const other = await make({ keyId: 'mrk-1234abcd12ab34cd56ef1234567890ab', multiRegion: true });
    const { ciphertextBlob } = await wire.reEncrypt({
      ...{ sourceKey: key, ciphertextBlob: symmetric.encrypt(key, utf8('hello'), { a: '1' }) },
      ...{ sourceEncryptionContext: { a: '1' }, destinationKey: other, destinationEncryptionContext: { b: '2' } },
    });
    expect(symmetric.decrypt(other, ciphertextBlob, { b: '2' })).toEqual(utf8('hello'));
    expect(() => symmetric.decrypt(key, ciphertextBlob, { b: '2' })).toThrow(coded('InvalidCiphertext'));
  });

  test.each([0, 4097])('%i bytes of plaintext are refused', (n) => {
    expect(() => engine.encrypt(key, Buffer.alloc(n), {})).toThrow(coded('Validation'));
  });

  test.each([0, 1025])('%i random bytes are refused', (n) => {
    expect(() => engine.generateRandom(n)).toThrow(coded('Validation'));
    expect(() => engine.generateDataKey(key, n, {})).toThrow(coded('Validation'));
  });

  test('random bytes have the length asked for', () => {
    for (const n of [1, 1024]) expect(engine.generateRandom(n)).toHaveLength(n);
  });

  test('a symmetric key has one usage', async () => {
    for (const usage of [usages.SIGN_VERIFY, usages.IMPORT_WRAP, usages.INTERNAL, 0, 3]) {
      await expect(make({ usage })).rejects.toThrow(coded('Validation'));
    }
    for (const spec of [0, KEY_SPECS.length + 1]) await expect(make({ spec })).rejects.toThrow(coded('Validation'));
  });

  test.each([
    [{ account: '12345678901' }],
    [{ account: '1234567890123' }],
    [{ keyId: 'x' }],
    [{ keyId: wanted.keyId.toUpperCase() }],
    [{ multiRegion: true }],
  ] as Partial<NewKey>[][])('a malformed name is refused: %o', async (change) => {
    await expect(make(change)).rejects.toThrow(coded('Validation'));
  });
});

describe('tokens swapped', () => {
  // Every pair of keys that differ in one or more of these dimensions, all made by the same domain key.
  const tokens = ['000000000000', '111122223333'].flatMap((account) =>
    ['1234abcd-12ab-34cd-56ef-1234567890ab', 'mrk-1234abcd12ab34cd56ef1234567890ab'].flatMap((keyId) =>
      [usages.ENCRYPT_DECRYPT, usages.SIGN_VERIFY, usages.GENERATE_VERIFY_MAC, usages.INTERNAL].flatMap((usage) =>
        [1, 11].map((spec) => ({ account, keyId, usage, spec, token: tokenOf({ account, keyId, usage, spec }) })),
      ),
    ),
  );

  function tokenOf(f: { account: string; keyId: string; usage: number; spec: number }): Buffer {
    const id = parseKeyId(f.keyId);
    if (!id) throw new Error('key id');
    const fields = { ...f, ...id, account: BigInt(f.account), origin: 0, createdMs, generation: 0 };
    return sealed(fields, Buffer.alloc(32, 7), Buffer.alloc(28, 9));
  }

  test('across account, key id, usage and spec: only the right one works', () => {
    for (const mine of tokens) {
      for (const theirs of tokens) {
        const reference = { token: theirs.token, account: mine.account, keyId: mine.keyId };
        const sameKey = mine.account === theirs.account && mine.keyId === theirs.keyId;
        const usable = theirs.usage === usages.ENCRYPT_DECRYPT && theirs.spec === 1;
        if (sameKey && usable) expect(engine.encrypt(reference, utf8('x'), {})).toHaveLength(77);
        else {
          const code = sameKey ? 'InvalidKeyUsage' : 'InvalidToken';
          expect(() => engine.encrypt(reference, utf8('x'), {})).toThrow(coded(code));
          expect(() => engine.decrypt(reference, Buffer.alloc(77, 1), {})).toThrow(coded(code));
        }
      }
    }
  });

  test('across epochs: a token says which domain key made it, and only that one opens it', async () => {
    const key = await make();
    for (const epoch of [0, 1, 2, 4]) {
      const token = Buffer.from(key.token);
      token.writeUInt32BE(epoch, 12);
      // Of an epoch after ours another replica may know.
      const code = epoch > 3 ? 'RootBehind' : 'InvalidToken';
      expect(() => engine.encrypt({ ...key, token }, utf8('x'), {})).toThrow(coded(code));
    }
  });

  test('of an older epoch still work after the domain key was rotated', async () => {
    const before = new DomainKeys(domain, [{ epoch: 2, state: 'ACTIVE', createdMs, key: Buffer.alloc(32, 2) }]);
    const key = await make({}, engineOf(before));
    expect(engine.decrypt(key, engineOf(before).encrypt(key, utf8('x'), {}), {})).toEqual(utf8('x'));
  });

  test('across domains: refused, also when the domain keys are equal', async () => {
    const foreign = engineOf(ring(Buffer.alloc(16, 4)));
    const key = await make();
    expect(() => foreign.encrypt(key, utf8('x'), {})).toThrow(coded('InvalidToken'));
  });

  test('a cached token does not open its neighbour', async () => {
    const key = await make();
    engine.encrypt(key, utf8('x'), {});
    const token = Buffer.from(key.token);
    token[179] = (token[179] as number) ^ 1;
    expect(() => engine.encrypt({ ...key, token }, utf8('x'), {})).toThrow(coded('InvalidToken'));
  });
});

test('a closed ring neither opens nor makes anything', async () => {
  const keys = ring();
  const key = await make({}, engineOf(keys));
  keys.close();
  expect(() => engineOf(keys).encrypt(key, utf8('x'), {})).toThrow(coded('Sealed'));
  await expect(make({}, engineOf(keys))).rejects.toThrow(coded('Sealed'));
});
