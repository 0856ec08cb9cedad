import { describe, expect, test } from 'vitest';
import { accessKeyId, secretAccessKey, systemRandom, uniqueId } from '../src/domain/ids.js';

/** How the account is read out of an access key id outside AWS: Base32, 48 bits, mask, shift by 7. */
function accountIn(id: string): string {
  const bits = id
    .slice(4)
    .split('')
    .reduce((sum, c) => (sum << 5n) | BigInt('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c)), 0n);
  return String(((bits >> 32n) & 0x7fffffffff80n) >> 7n).padStart(12, '0');
}

describe('ids', () => {
  test('a unique id has AWS’s form', () => {
    expect(uniqueId('AIDA', systemRandom)).toMatch(/^AIDA[A-Z2-7]{17}$/);
    expect(uniqueId('AIDA', systemRandom)).not.toBe(uniqueId('AIDA', systemRandom));
  });

  test.each(['000000000000', '123456789012', '999999999999'])('an access key id carries account %s', (account) => {
    const id = accessKeyId(account, systemRandom);
    expect(id).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(accountIn(id)).toBe(account);
  });

  test('a secret is 40 characters of Base64', () => {
    expect(secretAccessKey(systemRandom).toString('latin1')).toMatch(/^[A-Za-z0-9+/]{40}$/);
  });
});
