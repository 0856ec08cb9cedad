import { createHash, createPublicKey, verify } from 'node:crypto';
import type { KeySpec, KeyUsage } from '@keystead/proto/hsm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cluster, service, type Client, type Cluster } from './cluster.js';

let hsm: Cluster;
let kms: Client;
beforeAll(async () => {
  hsm = await cluster();
  kms = await hsm.client(service('kms-service'));
});
afterAll(async () => {
  kms[Symbol.dispose]();
  await hsm[Symbol.asyncDispose]();
});

const account = '111122223333';
const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';
const message = Buffer.from('the message');
const coded = (code: string): Error => expect.objectContaining({ code }) as Error;

interface Made {
  token: Uint8Array;
  publicKey: Uint8Array;
  account: string;
  keyId: string;
}

async function make(keySpec: KeySpec, keyUsage: KeyUsage): Promise<Made> {
  const request = { account, keyId, keySpec, keyUsage, generation: 0, multiRegion: false };
  const { token, publicKey } = await kms.stream.request('generateKey', request, { timeoutMs: 60_000 });
  return { token, publicKey, account, keyId };
}

describe('in threads of their own', () => {
  test('RSA signs and decrypts', async () => {
    const key = await make(2, 2);
    const request = { key, message, messageType: 1, signingAlgorithm: 4 } as const;
    const { signature } = await kms.stream.request('sign', request);
    const publicKey = createPublicKey({ key: Buffer.from(key.publicKey), format: 'der', type: 'spki' });
    expect(verify('sha256', message, publicKey, signature)).toBe(true);
    await kms.stream.request('verify', { ...request, signature });
    const wrong = { ...request, message: Buffer.from('another'), signature };
    await expect(kms.stream.request('verify', wrong)).rejects.toThrow(coded('KmsInvalidSignature'));

    const cipher = { key: await make(2, 1), encryptionContext: {}, encryptionAlgorithm: 3 } as const;
    const { ciphertextBlob } = await kms.stream.request('encrypt', { ...cipher, plaintext: message });
    const { plaintext } = await kms.stream.request('decrypt', { ...cipher, ciphertextBlob });
    expect(Buffer.from(plaintext)).toEqual(message);
  });

  test('digests are signed by ECDSA, again and again', async () => {
    const key = await make(6, 2);
    const digest = createHash('sha384').update(message).digest();
    const request = { key, message: digest, messageType: 2, signingAlgorithm: 8 } as const;
    for (let i = 0; i < 3; i++) {
      const { signature } = await kms.stream.request('sign', request);
      await kms.stream.request('verify', { ...request, message, messageType: 1, signature });
    }
  });

  test('post-quantum keys sign, encapsulate and decapsulate', async () => {
    const signer = await make(15, 2);
    const request = { key: signer, message, messageType: 1, signingAlgorithm: 11 } as const;
    for (let i = 0; i < 2; i++) {
      const { signature } = await kms.stream.request('sign', request);
      await kms.stream.request('verify', { ...request, signature });
    }
    const key = await make(18, 64);
    const { sharedSecret, ciphertextBlob } = await kms.stream.request('encapsulate', { key });
    const opened = await kms.stream.request('decapsulate', { key, ciphertextBlob });
    expect(Buffer.from(opened.sharedSecret)).toEqual(Buffer.from(sharedSecret));
    expect(opened.sharedSecret.some((byte) => byte !== 0)).toBe(true);
  });

  test('a data key pair leaves with its private half only when that is wanted', async () => {
    const key = await make(1, 1);
    const request = { key, keyPairSpec: 5, encryptionContext: {}, withoutPlaintext: false } as const;
    const pair = await kms.stream.request('generateDataKeyPair', request);
    const ciphertextBlob = pair.privateKeyCiphertextBlob;
    const { plaintext } = await kms.stream.request('decrypt', { key, ciphertextBlob, encryptionContext: {} });
    expect(Buffer.from(plaintext)).toEqual(Buffer.from(pair.privateKeyPlaintext));
  });

  test('symmetric work goes on while an RSA-4096 key is made', async () => {
    const key = await make(1, 1);
    const sealed = await kms.stream.request('encrypt', { key, plaintext: message, encryptionContext: {} });
    const state = { done: false };
    const slow = Promise.all([make(4, 1), make(4, 2)]).finally(() => (state.done = true));
    let during = 0;
    while (!state.done) {
      await kms.stream.request('decrypt', { key, ...sealed, encryptionContext: {} });
      during++;
    }
    expect((await slow).map(({ publicKey }) => publicKey.length)).toEqual([550, 550]);
    expect(during).toBeGreaterThan(20);
  }, 60_000);
});

test('MACs over the stream', async () => {
  const key = await make(13, 4);
  const { mac } = await kms.stream.request('generateMac', { key, message, macAlgorithm: 4 });
  await kms.stream.request('verifyMac', { key, message, macAlgorithm: 4, mac });
  const wrong = { key, message, macAlgorithm: 4, mac: mac.subarray(1) } as const;
  await expect(kms.stream.request('verifyMac', wrong)).rejects.toThrow(coded('KmsInvalidMac'));
});
