import { createHash, type Hash } from 'node:crypto';
import type { Authentication } from './authentication.js';
import { AuthError } from './errors.js';
import { emptyHash, sha256Hex, signatureMatches } from './signing.js';

/** The chain of signatures of a chunked upload: each chunk's covers the one before, the first the request's own. */
export class ChunkSignatures {
  readonly #key: Uint8Array;
  readonly #timestamp: string;
  readonly #scope: string;
  #previous: string;
  #hash: Hash = createHash('sha256');

  /** `auth` must be verified already: its signature is the seed. */
  constructor(auth: Authentication, signingKey: Uint8Array) {
    this.#key = signingKey;
    this.#timestamp = auth.timestamp;
    this.#scope = auth.scope;
    this.#previous = auth.signature;
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  /** Checks the chunk whose data went through `update` since the last call. */
  endChunk(signature: string): void {
    this.#check('AWS4-HMAC-SHA256-PAYLOAD', `${emptyHash}\n${this.#hash.digest('hex')}`, signature);
    this.#hash = createHash('sha256');
  }

  /** Checks the trailer, `name:value\n` for each field. */
  endTrailer(canonical: string, signature: string): void {
    this.#check('AWS4-HMAC-SHA256-TRAILER', sha256Hex(canonical), signature);
  }

  #check(label: string, hashes: string, signature: string): void {
    const text = `${label}\n${this.#timestamp}\n${this.#scope}\n${this.#previous}\n${hashes}`;
    if (!signatureMatches(this.#key, text, signature)) throw new AuthError('SignatureMismatch');
    this.#previous = signature;
  }
}
