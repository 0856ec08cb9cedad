import { randomBytes, randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { system, type System } from './support/system.js';

/** Operations in all; `npm run campaign:kms` takes 100,000. */
const count = Number(process.env['KEYSTEAD_MIXED_OPERATIONS'] ?? 3_000);
const inFlight = 64;
/** On demand, a key rotates at most 25 times. */
const rotations = 20;

let s: System;
beforeAll(async () => {
  // Domain keys change too, and every token is rewrapped, while everything goes on.
  s = await system({
    hsm: { rotation: { periodMs: 2_000, retentionDays: 0 } },
    kms: { KEYSTEAD_HSM_ROOT_MS: '100' },
  });
});
afterAll(() => s[Symbol.asyncDispose]());

const made = async (keySpec: string, keyUsage: string): Promise<string> =>
  (await s.kms('createKey', { keySpec, keyUsage })).keyMetadata?.keyId ?? '';
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

interface Blob {
  readonly ciphertextBlob: Uint8Array;
  readonly plaintext: string;
  readonly encryptionContext: Record<string, string>;
}

test(`${count} mixed operations during rotations, and no wrong answer`, { timeout: 900_000 }, async () => {
  const symmetric = await made('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT');
  const signing = await made('ECC_NIST_P256', 'SIGN_VERIFY');
  const hmac = await made('HMAC_256', 'GENERATE_VERIFY_MAC');
  const rsaSigning = await made('RSA_2048', 'SIGN_VERIFY');
  const rsa = await made('RSA_3072', 'ENCRYPT_DECRYPT');
  const mlDsa = await made('ML_DSA_44', 'SIGN_VERIFY');
  const mlKem = await made('ML_KEM_768', 'ENCAPSULATE_DECAPSULATE');
  const blobs: Blob[] = [];
  const keep = (blob: Blob): void => void (blobs[blobs.length < 2_000 ? blobs.length : randomInt(2_000)] = blob);
  const message = (): Buffer => randomBytes(randomInt(1, 200));

  const encrypt = async (): Promise<void> => {
    const plaintext = message();
    const encryptionContext = { n: String(randomInt(1_000)) };
    const { ciphertextBlob } = await s.kms('encrypt', { keyId: symmetric, plaintext, encryptionContext });
    keep({ ciphertextBlob, plaintext: hex(plaintext), encryptionContext });
  };
  const dataKey = async (): Promise<void> => {
    const encryptionContext = { n: String(randomInt(1_000)) };
    const asked = { keyId: symmetric, keySpec: 'AES_256', encryptionContext };
    const { ciphertextBlob, plaintext } = await s.kms('generateDataKey', asked);
    keep({ ciphertextBlob, plaintext: hex(plaintext), encryptionContext });
  };
  const decrypt = async (): Promise<void> => {
    const blob = blobs[randomInt(Math.max(1, blobs.length))];
    if (!blob) return encrypt();
    const { ciphertextBlob, encryptionContext } = blob;
    expect(hex((await s.kms('decrypt', { ciphertextBlob, encryptionContext })).plaintext)).toBe(blob.plaintext);
    const wrong = s.kms('decrypt', { ciphertextBlob, encryptionContext: { n: 'wrong' } });
    await expect(wrong).rejects.toMatchObject({ code: 'InvalidCiphertext' });
  };
  const reEncrypt = async (): Promise<void> => {
    const blob = blobs[randomInt(Math.max(1, blobs.length))];
    if (!blob) return encrypt();
    const destinationEncryptionContext = { moved: 'yes' };
    const { ciphertextBlob } = await s.kms('reEncrypt', {
      ...{ ciphertextBlob: blob.ciphertextBlob, sourceEncryptionContext: blob.encryptionContext },
      ...{ destinationKeyId: symmetric, destinationEncryptionContext },
    });
    keep({ ciphertextBlob, plaintext: blob.plaintext, encryptionContext: destinationEncryptionContext });
  };
  const signWith = async (keyId: string, signingAlgorithm: string): Promise<void> => {
    const asked = { keyId, message: message(), signingAlgorithm };
    const { signature } = await s.kms('sign', asked);
    expect((await s.kms('verify', { ...asked, signature })).signatureValid).toBe(true);
    const wrong = s.kms('verify', { ...asked, signature, message: randomBytes(201) });
    await expect(wrong).rejects.toMatchObject({ code: 'KmsInvalidSignature' });
  };
  const mac = async (): Promise<void> => {
    const asked = { keyId: hmac, message: message(), macAlgorithm: 'HMAC_SHA_256' };
    const { mac: made } = await s.kms('generateMac', asked);
    expect((await s.kms('verifyMac', { ...asked, mac: made })).macValid).toBe(true);
    const wrong = s.kms('verifyMac', { ...asked, mac: made, message: randomBytes(201) });
    await expect(wrong).rejects.toMatchObject({ code: 'KmsInvalidMac' });
  };

  const sign = (): Promise<void> => signWith(signing, 'ECDSA_SHA_256');
  const rsaSign = (): Promise<void> => signWith(rsaSigning, 'RSASSA_PSS_SHA_256');
  const mlDsaSign = (): Promise<void> => signWith(mlDsa, 'ML_DSA_SHAKE_256');
  const rsaEncrypt = async (): Promise<void> => {
    const [plaintext, encryptionAlgorithm] = [message(), 'RSAES_OAEP_SHA_256'];
    const { ciphertextBlob } = await s.kms('encrypt', { keyId: rsa, plaintext, encryptionAlgorithm });
    const opened = await s.kms('decrypt', { keyId: rsa, ciphertextBlob, encryptionAlgorithm });
    expect(hex(opened.plaintext)).toBe(hex(plaintext));
    ciphertextBlob[0] = (ciphertextBlob[0] ?? 0) ^ 1;
    const wrong = s.kms('decrypt', { keyId: rsa, ciphertextBlob, encryptionAlgorithm });
    await expect(wrong).rejects.toMatchObject({ code: 'InvalidCiphertext' });
  };
  const encapsulate = async (): Promise<void> => {
    const asked = { keyId: mlKem, encapsulationAlgorithm: 'ML_KEM' };
    const { sharedSecret, sharedSecretCiphertextBlob } = await s.kms('encapsulate', asked);
    const decapsulated = () => s.kms('decapsulate', { ...asked, sharedSecretCiphertextBlob });
    expect(hex((await decapsulated()).sharedSecret)).toBe(hex(sharedSecret));
    sharedSecretCiphertextBlob[0] = (sharedSecretCiphertextBlob[0] ?? 0) ^ 1;
    // Implicit rejection (FIPS 203 §6.3): another secret, no error.
    expect(hex((await decapsulated()).sharedSecret)).not.toBe(hex(sharedSecret));
  };

  /** What each does and how many operations that are. */
  const quick: readonly (readonly [() => Promise<void>, number])[] = [
    ...[[encrypt, 1] as const, [dataKey, 1] as const, [decrypt, 2] as const],
    ...[[reEncrypt, 1] as const, [sign, 3] as const, [mac, 3] as const],
  ];
  const slow: typeof quick = [
    ...[[rsaSign, 3] as const, [mlDsaSign, 3] as const, [rsaEncrypt, 3] as const, [encapsulate, 3] as const],
  ];
  const mix = [...quick, ...quick, ...quick, ...slow];
  let done = 0;
  let rotated = 0;
  const worker = async (): Promise<void> => {
    while (done < count) {
      const [work, operations] = mix[randomInt(mix.length)] ?? [encrypt, 1];
      done += operations;
      await work();
      if (rotated < rotations && done > ((rotated + 1) * count) / (rotations + 1)) {
        rotated++;
        await s.kms('rotateKeyOnDemand', { keyId: symmetric }).catch((error: unknown) => {
          // Two rotations of one key at a time: the second is told so.
          expect(error).toMatchObject({ code: 'Conflict' });
        });
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  expect(done).toBeGreaterThanOrEqual(count);
  const { rotations: listed } = await s.kms('listKeyRotations', { keyId: symmetric });
  expect(listed.length).toBeGreaterThan(rotations / 2);
  expect((await s.records('HsmRootChanged')).length).toBeGreaterThan(1);
});
