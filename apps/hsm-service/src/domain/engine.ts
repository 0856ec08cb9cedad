import { randomBytes } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { MESSAGE_NONCE_BYTES, openBlob, sealBlob } from './blob.js';
import { lending, view } from './bytes.js';
import type { EncryptionContext } from './context.js';
import { SYMMETRIC_DEFAULT, usages } from './material.js';
import type { Random } from './random-pool.js';
import type { OpenKey } from './token-cache.js';
import { tokenFields, type KeyReference, type KeyVault, type NewKey, type SealedKey } from './vault.js';

const MAX_PLAINTEXT_BYTES = 4096;
const MAX_BLOB_BYTES = 6144;
const MAX_RANDOM_BYTES = 1024;

/**
 * The operations of the HSM on symmetric keys. Usage, spec, account and key id are taken from the authenticated
 * token, never from the caller, whose claims are only compared with it.
 */
export class Engine {
  readonly #vault: KeyVault;
  readonly #random: Random;

  /** `random` is for nonces and data keys. */
  constructor(vault: KeyVault, random: Random) {
    this.#vault = vault;
    this.#random = random;
  }

  /** Makes a symmetric key and returns it sealed. */
  async generateKey(wanted: NewKey): Promise<SealedKey> {
    const fields = tokenFields(wanted, this.#vault.now());
    if (fields.spec !== SYMMETRIC_DEFAULT) throw new RangeError('spec: SYMMETRIC_DEFAULT wanted');
    // Key material lives long, so it comes from the operating system directly and not from the pool.
    return lending(randomBytes(32), (material) => this.#vault.seal(fields, material));
  }

  /** Throws what `encrypt` would throw about the key. */
  mustEncrypt(key: KeyReference): void {
    this.#open(key);
  }

  /** Encrypts 1 to 4,096 bytes. Throws InvalidToken, InvalidKeyUsage. */
  encrypt(key: KeyReference, plaintext: Uint8Array, context: EncryptionContext): Buffer {
    within(plaintext.length, MAX_PLAINTEXT_BYTES, 'plaintext');
    return this.#seal(this.#open(key), plaintext, context);
  }

  /** Decrypts a blob. Throws InvalidCiphertext, InvalidToken, InvalidKeyUsage. */
  decrypt(key: KeyReference, blob: Uint8Array, context: EncryptionContext): Buffer {
    within(blob.length, MAX_BLOB_BYTES, 'ciphertext blob');
    const { material, header } = this.#open(key);
    return openBlob(material, header.materialId, view(blob), context);
  }

  /** Makes a data key of 1 to 1,024 bytes and encrypts it. `plaintext` is for the caller to overwrite or withhold. */
  generateDataKey(key: KeyReference, length: number, context: EncryptionContext): { plaintext: Buffer; blob: Buffer } {
    within(length, MAX_RANDOM_BYTES, 'number of bytes');
    const opened = this.#open(key);
    const plaintext = this.#random(length);
    return { plaintext, blob: this.#seal(opened, plaintext, context) };
  }

  /** 1 to 1,024 random bytes. */
  generateRandom(length: number): Buffer {
    // It needs no key, and yet a sealed HSM does nothing for anybody.
    this.#vault.keys.mustBeOpen();
    within(length, MAX_RANDOM_BYTES, 'number of bytes');
    return this.#random(length);
  }

  #seal({ material, header }: OpenKey, plaintext: Uint8Array, context: EncryptionContext): Buffer {
    return sealBlob(material, header.materialId, this.#random(MESSAGE_NONCE_BYTES), plaintext, context);
  }

  #open(claim: KeyReference): OpenKey {
    const opened = this.#vault.open(claim, usages.ENCRYPT_DECRYPT);
    if (opened.header.spec === SYMMETRIC_DEFAULT) return opened;
    throw new KeysteadError('InvalidKeyUsage', 'The key is not a symmetric encryption key.');
  }
}

function within(length: number, max: number, name: string): void {
  if (length < 1 || length > max) throw new KeysteadError('Validation', `${name}: 1 to ${max} bytes wanted.`);
}
