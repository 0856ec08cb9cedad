import { createDecipheriv } from 'node:crypto';
import { equalBytes } from '../hash.js';
import { SegmentError } from './errors.js';
import { chunkNonce, segmentKeys } from './keys.js';
import type { SegmentKeys } from './keys.js';
import { HEADER_SIZE, OBJECT_V1, SALT_SIZE, TAG_SIZE } from './profile.js';
import type { Profile } from './profile.js';

/** Opens chunks of one segment, in any order; each is checked before a byte of it is given out. */
export class SegmentOpener {
  readonly #profile: Profile;
  readonly #keys: SegmentKeys;

  /** @throws {SegmentError} when the header was not made with this key for this context */
  constructor(dataKey: Uint8Array, context: Uint8Array, header: Uint8Array, profile: Profile = OBJECT_V1) {
    if (header.length !== HEADER_SIZE) throw new SegmentError('the segment is cut short');
    this.#profile = profile;
    this.#keys = segmentKeys(profile, dataKey, header.subarray(0, SALT_SIZE), context);
    if (!equalBytes(this.#keys.commitment, header.subarray(SALT_SIZE))) {
      throw new SegmentError('the segment belongs to another key or another object');
    }
  }

  /** Identifies the derived key; compared with the manifest of a multipart upload. */
  get commitment(): Buffer {
    return this.#keys.commitment;
  }

  /**
   * Opens chunk `index`. A full chunk is never the last one, and a short chunk always is.
   *
   * @throws {SegmentError} when the chunk is not the one that was sealed at this index
   */
  open(index: number, sealed: Uint8Array): Buffer {
    const size = sealed.length - TAG_SIZE;
    if (size < 0 || size > this.#profile.chunkSize) throw new SegmentError('a chunk has an impossible length');
    // Without authTagLength node:crypto would accept a tag of four bytes.
    const decipher = createDecipheriv(this.#profile.cipher, this.#keys.key, chunkNonce(this.#keys.baseNonce, index), {
      authTagLength: TAG_SIZE,
    });
    decipher.setAuthTag(sealed.subarray(size));
    const plain = decipher.update(sealed.subarray(0, size));
    try {
      decipher.final();
    } catch {
      throw new SegmentError('a chunk was changed');
    }
    return plain;
  }

  /** Forgets the derived key. */
  close(): void {
    this.#keys.key.fill(0);
  }
}
