import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CHECKSUM_ALGORITHMS,
  compositeChecksum,
  isChecksum,
  joinChecksums,
  startChecksum,
} from '../src/domain/checksum/algorithms.js';
import type { ChecksumAlgorithm } from '../src/domain/checksum/algorithms.js';

function checksum(algorithm: ChecksumAlgorithm, ...pieces: Uint8Array[]): string {
  const running = startChecksum(algorithm);
  for (const piece of pieces) running.update(piece);
  return running.digest();
}

const check = Buffer.from('123456789');
const hexOf = (algorithm: ChecksumAlgorithm): string =>
  Buffer.from(checksum(algorithm, check), 'base64').toString('hex');

describe('the catalogue check values', () => {
  test.each([
    ['CRC32', 'cbf43926'],
    ['CRC32C', 'e3069283'],
    ['CRC64NVME', 'ae8b14860a799888'],
    ['SHA1', 'f7c3bc1d808e04732adf679965ccc34ca7ae3441'],
    ['SHA256', '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225'],
  ] as const)('%s', (algorithm, value) => {
    expect(hexOf(algorithm)).toBe(value);
  });
});

test.each(CHECKSUM_ALGORITHMS)('%s does not depend on how the bytes are cut', (algorithm) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, cut) => {
      const whole = checksum(algorithm, bytes);
      expect(checksum(algorithm, bytes.subarray(0, cut), bytes.subarray(cut))).toBe(whole);
      expect(isChecksum(algorithm, whole)).toBe(true);
    }),
  );
});

test.each(['CRC32', 'CRC32C', 'CRC64NVME'] as const)('%s of parts joins to that of the whole', (algorithm) => {
  for (const sizes of [
    [5_000_000, 3],
    [0, 7],
    [7, 0],
    [70_000, 1, 65_536, 12],
  ]) {
    const parts = sizes.map((size) => randomBytes(size));
    const joined = joinChecksums(
      algorithm,
      parts.map((part) => ({ value: checksum(algorithm, part), size: part.length })),
    );
    expect(joined).toBe(checksum(algorithm, ...parts));
  }
});

test('a composite is a checksum of checksums', () => {
  const value = checksum('SHA256', check);
  const expected = checksum('SHA256', Buffer.from(value, 'base64'), Buffer.from(value, 'base64'));
  expect(
    compositeChecksum('SHA256', [
      { value, size: 9 },
      { value, size: 9 },
    ]),
  ).toBe(`${expected}-2`);
  expect(joinChecksums('SHA256', [{ value, size: 9 }])).toBeUndefined();
});

test('only base64 of the right length is a checksum', () => {
  expect(isChecksum('CRC32', 'AAAAAA==')).toBe(true);
  expect(isChecksum('CRC32', 'AAAA')).toBe(false);
  expect(isChecksum('SHA256', 'not base64 at all')).toBe(false);
});
