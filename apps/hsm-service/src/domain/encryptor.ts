import { KeysteadError } from '@keystead/errors';
import { oaepHash } from './algorithms.js';
import type { AsymmetricEngine } from './asymmetric.js';
import type { EncryptionContext } from './context.js';
import type { Engine } from './engine.js';
import { keySpec } from './key-specs.js';
import { usages } from './material.js';
import type { KeyReference, KeyVault } from './vault.js';

/** A key and how it is to encrypt or decrypt. */
export interface Cipher {
  readonly key: KeyReference;
  /** Only for symmetric keys. */
  readonly context: EncryptionContext;
  /** A code of the contract; absent for symmetric keys. */
  readonly algorithm: number | undefined;
}

/** Encryption and decryption by the kind of the key, as its token tells it. */
export interface Encryptor {
  readonly encrypt: (cipher: Cipher, plaintext: Uint8Array) => Buffer;
  /** The caller overwrites the plaintext. */
  readonly decrypt: (cipher: Cipher, ciphertext: Uint8Array) => Uint8Array | Promise<Uint8Array>;
}

export function encryptor(parts: {
  readonly vault: KeyVault;
  readonly symmetric: Engine;
  readonly asymmetric: AsymmetricEngine;
}): Encryptor {
  const { vault, symmetric, asymmetric } = parts;
  return {
    encrypt: (cipher, plaintext) =>
      isRsa(vault, cipher)
        ? asymmetric.encrypt(cipher.key, plaintext, cipher.algorithm as number)
        : symmetric.encrypt(cipher.key, plaintext, cipher.context),
    decrypt: (cipher, ciphertext) =>
      isRsa(vault, cipher)
        ? asymmetric.decrypt(cipher.key, ciphertext, cipher.algorithm as number)
        : symmetric.decrypt(cipher.key, ciphertext, cipher.context),
  };
}

/** Checks the algorithm and the context against the key. */
function isRsa(vault: KeyVault, { key, algorithm, context }: Cipher): boolean {
  const spec = keySpec(vault.open(key, usages.ENCRYPT_DECRYPT).header.spec);
  const isRsaKey = oaepHash(algorithm, spec) !== undefined;
  if (isRsaKey && Object.keys(context).length > 0) {
    throw new KeysteadError('Validation', 'An encryption context needs a symmetric encryption key.');
  }
  return isRsaKey;
}
