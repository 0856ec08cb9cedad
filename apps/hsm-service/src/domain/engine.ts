import { randomBytes } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { MESSAGE_NONCE_BYTES, openBlob, sealBlob } from './blob.js';
import { consuming, view } from './bytes.js';
import type { EncryptionContext } from './context.js';
import type { DomainKeys } from './domain-keys.js';
import { formatAccount, formatKeyId, parseAccount, parseKeyId } from './identity.js';
import { KEY_SPECS, SYMMETRIC_DEFAULT, usages } from './material.js';
import type { Random } from './random-pool.js';
import { parseToken, TOKEN_RANDOM_BYTES, type TokenHeader } from './token.js';
import type { OpenKey, TokenCache } from './token-cache.js';

/** Which key the caller means; its token must say the same. */
export interface KeyReference {
  readonly token: Uint8Array;
  /** 12 digits. */
  readonly account: string;
  /** A UUID, or mrk- and 32 hex digits. */
  readonly keyId: string;
}

/** A key to make. */
export interface NewKey {
  readonly account: string;
  readonly keyId: string;
  readonly spec: number;
  readonly usage: number;
  /** Counts the materials of the key from 0. */
  readonly generation: number;
  readonly multiRegion: boolean;
}

/** What the engine works with. */
export interface EngineParts {
  readonly keys: DomainKeys;
  readonly cache: TokenCache;
  /** For nonces and data keys. */
  readonly random: Random;
  readonly now: () => Date;
}

const MAX_PLAINTEXT_BYTES = 4096;
const MAX_BLOB_BYTES = 6144;
const MAX_RANDOM_BYTES = 1024;

/**
 * The operations of the HSM on symmetric keys. Usage, spec, account and key id are taken from the authenticated
 * token, never from the caller, whose claims are only compared with it.
 */
export class Engine {
  readonly #parts: EngineParts;

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  /** Makes key material and returns it sealed. Throws UnsupportedOperation for a spec that is not offered. */
  generateKey(wanted: NewKey): { token: Buffer; materialId: Buffer } {
    const fields = tokenFields(wanted, this.#parts.now());
    // Key material lives long, so it comes from the operating system directly and not from the pool.
    return consuming(randomBytes(32), (material) => {
      const { bytes, header } = this.#parts.keys.seal(fields, material, this.#parts.random(TOKEN_RANDOM_BYTES));
      return { token: bytes, materialId: header.materialId };
    });
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

  /** Decrypts and encrypts again under another key or context; the plaintext is overwritten here. */
  reEncrypt(
    source: { key: KeyReference; blob: Uint8Array; context: EncryptionContext },
    destination: { key: KeyReference; context: EncryptionContext },
  ): Buffer {
    return consuming(this.decrypt(source.key, source.blob, source.context), (plaintext) =>
      this.#seal(this.#open(destination.key), plaintext, destination.context),
    );
  }

  /** Makes a data key of 1 to 1,024 bytes and encrypts it. `plaintext` is for the caller to overwrite or withhold. */
  generateDataKey(key: KeyReference, length: number, context: EncryptionContext): { plaintext: Buffer; blob: Buffer } {
    within(length, MAX_RANDOM_BYTES, 'number of bytes');
    const opened = this.#open(key);
    const plaintext = this.#parts.random(length);
    return { plaintext, blob: this.#seal(opened, plaintext, context) };
  }

  /** 1 to 1,024 random bytes. */
  generateRandom(length: number): Buffer {
    within(length, MAX_RANDOM_BYTES, 'number of bytes');
    return this.#parts.random(length);
  }

  #seal({ material, header }: OpenKey, plaintext: Uint8Array, context: EncryptionContext): Buffer {
    return sealBlob(material, header.materialId, this.#parts.random(MESSAGE_NONCE_BYTES), plaintext, context);
  }

  /** The material stays in the cache, which may overwrite it at any later call: use it at once. */
  #open(claim: KeyReference): OpenKey {
    const token = view(claim.token);
    const opened = this.#parts.cache.get(token, () => this.#unwrap(token));
    if (opened.account !== claim.account || opened.keyId !== claim.keyId) {
      throw new KeysteadError('InvalidToken', 'The key token names another key than the request.');
    }
    if (opened.header.spec !== SYMMETRIC_DEFAULT || (opened.header.usage & usages.ENCRYPT_DECRYPT) === 0) {
      throw new KeysteadError('InvalidKeyUsage', 'The key is not a symmetric encryption key.');
    }
    return opened;
  }

  #unwrap(token: Buffer): OpenKey {
    // A copy: the token shares memory with a whole frame of calls, which the cache must not keep alive.
    const parsed = parseToken(Buffer.from(token));
    const { header } = parsed;
    const [account, keyId] = [formatAccount(header.account), formatKeyId(header.keyId, header.multiRegion)];
    return { header, account, keyId, material: this.#parts.keys.open(parsed) };
  }
}

function tokenFields(wanted: NewKey, now: Date): Omit<TokenHeader, 'materialId' | 'domain' | 'epoch'> {
  const account = parseAccount(wanted.account);
  const id = parseKeyId(wanted.keyId);
  if (account === undefined) throw new KeysteadError('Validation', 'account: 12 digits wanted.');
  if (id?.multiRegion !== wanted.multiRegion)
    throw new KeysteadError('Validation', 'key id: a UUID or mrk- id wanted.');
  if (wanted.spec !== SYMMETRIC_DEFAULT) {
    throw new KeysteadError(
      'UnsupportedOperation',
      `KeySpec ${KEY_SPECS[wanted.spec - 1] ?? 'unknown'} is not offered.`,
    );
  }
  if (wanted.usage !== usages.ENCRYPT_DECRYPT) {
    throw new KeysteadError('Validation', 'KeyUsage is not compatible with KeySpec SYMMETRIC_DEFAULT.');
  }
  const { spec, usage, generation } = wanted;
  return { spec, usage, generation, ...id, account, origin: 0, createdMs: BigInt(now.getTime()) };
}

function within(length: number, max: number, name: string): void {
  if (length < 1 || length > max) throw new KeysteadError('Validation', `${name}: 1 to ${max} bytes wanted.`);
}
