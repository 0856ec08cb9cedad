import { KeysteadError } from '@keystead/errors';
import { zero } from './bytes.js';
import { combineShares, type Share } from './shamir.js';

/** How far an unsealing by shares is. */
export interface ShareProgress {
  readonly given: number;
  readonly needed: number;
  readonly expires: Date;
}

/** How long shares are kept after the first one of an unsealing. */
export const SHARE_SESSION_MS = 10 * 60_000;

/** Collects shares of one set until there are enough; wrong ones cannot be told from right ones before. */
export class ShareSession {
  #shares: Share[] = [];
  #expiresMs = 0;

  /** Undefined while nobody unseals. */
  progress(now: Date): ShareProgress | undefined {
    this.expire(now);
    const [first] = this.#shares;
    return first && { given: this.#shares.length, needed: first.threshold, expires: new Date(this.#expiresMs) };
  }

  /**
   * Adds a share. Answers the secret once there are enough, and forgets the shares; the caller overwrites it.
   * Throws Validation for a share of another set, or one that was given already.
   */
  async add(share: Share, now: Date): Promise<Buffer | undefined> {
    this.expire(now);
    const [first] = this.#shares;
    if (first && !(first.set.equals(share.set) && first.threshold === share.threshold))
      throw new KeysteadError('Validation', 'The share is of another set than the ones that were given before.');
    // The last byte is the x-coordinate; two shares with the same one give nothing.
    if (this.#shares.some(({ bytes }) => bytes.at(-1) === share.bytes.at(-1)))
      throw new KeysteadError('Validation', 'This share was given already.');
    if (!first) this.#expiresMs = now.getTime() + SHARE_SESSION_MS;
    this.#shares.push({ ...share, bytes: Buffer.from(share.bytes) });
    if (this.#shares.length < share.threshold) return undefined;
    const shares = this.#shares.splice(0);
    return await combineShares(shares).finally(() => zero(...shares.map(({ bytes }) => bytes)));
  }

  /** Forgets shares that are too old. */
  expire(now: Date): void {
    if (now.getTime() >= this.#expiresMs) this.clear();
  }

  /** Overwrites the shares. */
  clear(): void {
    zero(...this.#shares.splice(0).map(({ bytes }) => bytes));
  }
}
