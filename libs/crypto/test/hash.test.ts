import { createHmac, hkdfSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { equalBytes, hkdfExpandSha512, hmacSha256, kdfCounter, sha256Hex } from '../src/hash.js';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

test('SHA-256 joins its parts', () => {
  expect(sha256Hex('ab', Buffer.from('c'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

test('HKDF-Expand agrees with node:crypto after the same extraction', () => {
  const ikm = Buffer.alloc(64, 7);
  const prk = createHmac('sha512', Buffer.alloc(64)).update(ikm).digest();
  const expected = Buffer.from(hkdfSync('sha512', ikm, Buffer.alloc(0), 'info', 150));
  expect(hkdfExpandSha512(prk, Buffer.from('info'), 150)).toEqual(expected);
});

test('the counter KDF gives the published material id', () => {
  const id = kdfCounter(Buffer.alloc(32, 0x22), 'keystead/v1/material-id', hex('1234abcd12ab34cd56ef1234567890ab'), 32);
  expect(id.toString('hex')).toBe('ee0827b3fc96d523ac9560afc793138da848158742eede20acddaa0da76f3e2e');
});

test('lengths outside the standard are refused', () => {
  expect(() => hkdfExpandSha512(Buffer.alloc(32), Buffer.alloc(0), 16_321)).toThrow(RangeError);
  expect(() => kdfCounter(Buffer.alloc(32), 'x', Buffer.alloc(0), 0)).toThrow(RangeError);
});

test('values of different length are unequal, not an error', () => {
  expect(equalBytes(Buffer.alloc(2), Buffer.alloc(3))).toBe(false);
  expect(equalBytes(hmacSha256(Buffer.alloc(1), 'a'), hmacSha256(Buffer.alloc(1), 'a'))).toBe(true);
});
