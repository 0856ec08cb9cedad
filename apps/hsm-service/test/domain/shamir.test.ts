import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shamirRecipient, unwrapBy, wrapFor } from '../../src/domain/recipients.js';
import { combineShares, formatShare, parseShare, splitSecret, type Share } from '../../src/domain/shamir.js';

const set = Buffer.alloc(16, 5);
const kinds = (name: string): Error => expect.objectContaining({ name: 'RootError', problem: name }) as Error;
const bytes = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
const share: fc.Arbitrary<Share> = fc.record({
  ...{ set: bytes(4), bytes: bytes(33), threshold: fc.integer({ min: 2, max: 255 }) },
});

/** Every choice of `size` of these. */
function choices<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, i) => choices(items.slice(i + 1), size - 1).map((rest) => [item, ...rest]));
}

test('any 3 of 5 shares open the root, and no 2 ever do', async () => {
  const [secret, rws] = [randomBytes(32), randomBytes(32)];
  const recipients = [wrapFor(shamirRecipient(secret, set, 3, 5), rws)];
  const shares = await splitSecret(secret, set, 3, 5);
  for (const three of choices(shares, 3)) {
    const opened = await unwrapBy({ kind: 'SHAMIR', secret: await combineShares(three) }, recipients);
    expect(opened.rws).toEqual(rws);
  }
  for (const two of choices(shares, 2)) {
    // Silently some other secret: only the key wrap tells.
    const wrong = await combineShares(two);
    expect(wrong).toHaveLength(32);
    await expect(unwrapBy({ kind: 'SHAMIR', secret: wrong }, recipients)).rejects.toThrow(kinds('wrong-secret'));
  }
});

test('shares of two splits of the same secret do not mix', async () => {
  const [secret, rws] = [randomBytes(32), randomBytes(32)];
  const recipients = [wrapFor(shamirRecipient(secret, set, 2, 2), rws)];
  const [[a], [, b]] = [await splitSecret(secret, set, 2, 2), await splitSecret(secret, set, 2, 2)];
  const mixed = await combineShares([a as Share, b as Share]);
  await expect(unwrapBy({ kind: 'SHAMIR', secret: mixed }, recipients)).rejects.toThrow(kinds('wrong-secret'));
});

test.each([
  [1, 3],
  [4, 3],
  [2, 256],
  [2.5, 3],
])('%d of %d is refused', async (threshold, count) => {
  await expect(splitSecret(randomBytes(32), set, threshold, count)).rejects.toThrow(RangeError);
});

describe('the printed form', () => {
  test('comes back from paper: in capitals, in groups, with spaces', () => {
    fc.assert(
      fc.property(share, (original) => {
        const line = formatShare(original);
        expect(line).toMatch(/^ks1[02-9ac-hj-np-z]{69}$/);
        const typed = line.toUpperCase().replaceAll(/.{4}/g, (group) => `${group} `);
        for (const text of [line, typed, typed.replaceAll(' ', '-')]) expect(parseShare(text)).toEqual(original);
      }),
    );
  });

  test('up to four wrong characters, a missing or an additional one are noticed', () => {
    const alphabet = Array.from('qpzry9x8gf2tvdw0s3jn54khce6mua7l');
    const typos = fc.uniqueArray(fc.integer({ min: 3, max: 71 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(share, typos, fc.integer({ min: 1, max: 31 }), (original, at, shift) => {
        const line = Array.from(formatShare(original));
        for (const i of at) line[i] = alphabet[(alphabet.indexOf(line[i] as string) + shift) % 32] as string;
        expect(() => parseShare(line.join(''))).toThrow(kinds('unsupported'));
      }),
    );
    fc.assert(
      fc.property(share, fc.integer({ min: 3, max: 71 }), fc.constantFrom(...alphabet), (original, at, extra) => {
        const line = formatShare(original);
        expect(() => parseShare(line.slice(0, at) + line.slice(at + 1))).toThrow(kinds('unsupported'));
        // A p before the last character is the known blind spot of bech32; bech32m closes it.
        expect(() => parseShare(line.slice(0, at) + extra + line.slice(at))).toThrow(kinds('unsupported'));
      }),
    );
  });

  test('the message of a refusal does not repeat what was typed', () => {
    for (const text of ['', 'ks1', 'secret words', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', 'x'.repeat(5_000)])
      expect(() => parseShare(text)).toThrow('That is not a share');
  });
});
