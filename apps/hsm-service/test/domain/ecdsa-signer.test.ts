import { createHook } from 'node:async_hooks';
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { expect, test } from 'vitest';
import { ecdsaSign } from '../../src/domain/ecdsa-signer.js';

const keys = ['prime256v1', 'secp384r1', 'secp521r1', 'secp256k1'].map((namedCurve) =>
  generateKeyPairSync('ec', { namedCurve }),
);
const hashes = ['sha256', 'sha384', 'sha512'];
const message = (n: number): Buffer => Buffer.alloc(n * 37, n);

test('every signature is of its own message, hash and key, whatever was signed before', () => {
  for (let n = 1; n <= 120; n++) {
    const key = keys[n % keys.length] as (typeof keys)[number];
    const hash = hashes[n % hashes.length] as string;
    const signature = ecdsaSign(hash, message(n), key.privateKey);
    expect(verify(hash, message(n), key.publicKey, signature)).toBe(true);
    expect(verify(hash, message(n - 1), key.publicKey, signature)).toBe(false);
  }
});

test('what cannot be signed leaves nothing behind for the next message', () => {
  const [{ privateKey, publicKey }] = keys as [(typeof keys)[number]];
  for (const refused of [
    () => ecdsaSign('sha256', message(1), publicKey),
    () => ecdsaSign('sha256', 1 as never, privateKey),
    () => ecdsaSign('sha257', message(1), privateKey),
    () => ecdsaSign('sha256', message(1), undefined as never),
  ]) {
    expect(refused).toThrow();
    expect(verify('sha256', message(2), publicKey, ecdsaSign('sha256', message(2), privateKey))).toBe(true);
    expect(refused).toThrow();
  }
});

// Fails with a release of Node.js in which it has to be done by `crypto.sign`, which works and costs more.
test('Node makes no job for a signature', () => {
  const [{ privateKey }] = keys as [(typeof keys)[number]];
  const made: string[] = [];
  const hook = createHook({ init: (_, type) => made.push(type) });
  const jobsOf = (work: () => unknown): number => {
    made.length = 0;
    hook.enable();
    work();
    hook.disable();
    return made.filter((type) => type === 'SIGNREQUEST').length;
  };
  expect(jobsOf(() => sign('sha256', message(1), privateKey))).toBe(1);
  expect(jobsOf(() => ecdsaSign('sha256', message(1), privateKey))).toBe(0);
});
