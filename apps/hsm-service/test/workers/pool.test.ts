import { constants, generateKeyPairSync, randomBytes, verify, type KeyPairKeyObjectResult } from 'node:crypto';
import { KeySpec, SigningAlgorithm } from '@keystead/proto/hsm';
import { expect, test } from 'vitest';
import { signingAlgorithm } from '../../src/domain/algorithms.js';
import { keySpec } from '../../src/domain/key-specs.js';
import { cryptoPool, type CryptoPool } from '../../src/workers/pool.js';

const limits = { threads: 1, generators: 1, maxWaiting: 200 };
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const pss = how(KeySpec.KEY_SPEC_RSA_2048, SigningAlgorithm.SIGNING_ALGORITHM_RSASSA_PSS_SHA_256);
const ecdsa = how(KeySpec.KEY_SPEC_ECC_NIST_P384, SigningAlgorithm.SIGNING_ALGORITHM_ECDSA_SHA_384);

function how(specCode: KeySpec, algorithmCode: SigningAlgorithm) {
  const spec = keySpec(specCode);
  return { spec, algorithm: signingAlgorithm(algorithmCode, spec), prepared: false };
}

const sign = async (pool: CryptoPool, { privateKey }: KeyPairKeyObjectResult, how: typeof pss, message: Uint8Array) =>
  pool.run('sign', { ...how, key: privateKey, message });

test('a crowd of signatures is answered, each for its own message', async () => {
  using pool = cryptoPool(limits);
  const messages = Array.from({ length: 60 }, () => randomBytes(100));
  const made = await Promise.all(
    messages.map((message, n) => (n % 2 ? sign(pool, rsa, pss, message) : sign(pool, p384, ecdsa, message))),
  );
  const pssKey = { key: rsa.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const valid = messages.map((message, n) =>
    n % 2
      ? verify('sha256', message, pssKey, made[n] ?? Buffer.alloc(0))
      : verify('sha384', message, p384.publicKey, made[n] ?? Buffer.alloc(0)),
  );
  expect(valid.every(Boolean)).toBe(true);
});

test('what fails fails alone', async () => {
  using pool = cryptoPool(limits);
  // Too short for a digest of 64 bytes and a salt as long (RFC 8017 §9.1.1).
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const long = how(KeySpec.KEY_SPEC_RSA_2048, SigningAlgorithm.SIGNING_ALGORITHM_RSASSA_PSS_SHA_512);
  const wrong = Array.from({ length: 5 }, () => sign(pool, short, long, Buffer.from('x')));
  const right = Array.from({ length: 5 }, () => sign(pool, rsa, pss, Buffer.from('x')));
  const results = await Promise.allSettled([...wrong, ...right]);
  expect(results.map(({ status }) => status)).toEqual([
    ...Array.from({ length: 5 }, () => 'rejected'),
    ...Array.from({ length: 5 }, () => 'fulfilled'),
  ]);
});

test('beyond the limit callers are told to slow down', async () => {
  using pool = cryptoPool({ ...limits, maxWaiting: 3 });
  const results = await Promise.allSettled(Array.from({ length: 10 }, () => sign(pool, rsa, pss, Buffer.from('x'))));
  const refused = results.filter((result) => result.status === 'rejected');
  expect(refused).toHaveLength(5);
  expect(refused[0]?.reason).toMatchObject({ code: 'Throttling' });
});

test('wiping fails what waits and what works; what comes later is served', async () => {
  using pool = cryptoPool(limits);
  const all = Array.from({ length: 6 }, () => sign(pool, rsa, pss, Buffer.from('x')));
  pool.wipe();
  const results = await Promise.allSettled(all);
  for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'Sealed' } });
  expect(await sign(pool, rsa, pss, Buffer.from('x'))).toHaveLength(256);
});

test('a closed pool serves nobody', async () => {
  const pool = cryptoPool(limits);
  pool[Symbol.dispose]();
  await expect(sign(pool, rsa, pss, Buffer.from('x'))).rejects.toMatchObject({ code: 'Sealed' });
});
