import { createCipheriv, randomBytes } from 'node:crypto';
import type { CipherGCM } from 'node:crypto';
import { chunkNonce, segmentKeys } from './keys.js';
import type { SegmentKeys } from './keys.js';
import { OBJECT_V1, SALT_SIZE, TAG_SIZE } from './profile.js';
import type { Profile } from './profile.js';

/** Choices that only tests make. */
export interface SealOptions {
  readonly profile?: Profile;
  readonly salt?: Uint8Array;
}

/**
 * Seals one segment as its plaintext arrives, in pieces of any size. The pieces go through the cipher as they are:
 * nothing is copied or joined, and what comes out is meant for one gathered write.
 */
export class SegmentSealer {
  /** Salt and commitment: the segment's first bytes. */
  readonly header: Buffer;
  /** Identifies the derived key; kept in the manifest of a multipart upload. */
  readonly commitment: Buffer;
  readonly #profile: Profile;
  readonly #keys: SegmentKeys;
  #cipher: CipherGCM;
  #chunk = 0;
  #room: number;
  #ended = false;

  constructor(dataKey: Uint8Array, context: Uint8Array, options: SealOptions = {}) {
    this.#profile = options.profile ?? OBJECT_V1;
    const salt = options.salt ?? randomBytes(SALT_SIZE);
    this.#keys = segmentKeys(this.#profile, dataKey, salt, context);
    this.commitment = this.#keys.commitment;
    this.header = Buffer.concat([salt, this.commitment]);
    this.#room = this.#profile.chunkSize;
    this.#cipher = this.#open();
  }

  /** Seals the next plaintext and appends the sealed bytes to `out`. */
  update(plain: Uint8Array, out: Uint8Array[]): void {
    if (this.#ended) throw new Error('the segment has ended');
    let at = 0;
    while (plain.length - at >= this.#room) {
      const end = at + this.#room;
      out.push(this.#cipher.update(plain.subarray(at, end)));
      this.#close(out);
      this.#cipher = this.#open();
      this.#room = this.#profile.chunkSize;
      at = end;
    }
    if (at === plain.length) return;
    out.push(this.#cipher.update(at === 0 ? plain : plain.subarray(at)));
    this.#room -= plain.length - at;
  }

  /** Ends the segment with its short chunk. */
  final(out: Uint8Array[]): void {
    if (this.#ended) throw new Error('the segment has ended');
    this.#ended = true;
    this.#close(out);
    this.#keys.key.fill(0);
  }

  #open(): CipherGCM {
    const nonce = chunkNonce(this.#keys.baseNonce, this.#chunk++);
    return createCipheriv(this.#profile.cipher, this.#keys.key, nonce, { authTagLength: TAG_SIZE });
  }

  #close(out: Uint8Array[]): void {
    this.#cipher.final();
    out.push(this.#cipher.getAuthTag());
  }
}
