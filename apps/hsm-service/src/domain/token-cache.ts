import type { KeyObject } from 'node:crypto';
import type { TokenHeader } from './token.js';

/** A token that was authenticated, with its material in the clear. */
export interface OpenKey {
  readonly header: TokenHeader;
  /** The owner's 12 digits, as a request gives them. */
  readonly account: string;
  /** The key id as a request gives it. */
  readonly keyId: string;
  readonly material: Buffer;
  /** What was made of the material so far; forgotten with it. OpenSSL erases its copies when they are collected. */
  readonly handles: KeyHandles;
}

/** The same key in the forms that operations need. */
export interface KeyHandles {
  privateKey?: KeyObject;
  publicKey?: KeyObject;
  /** SubjectPublicKeyInfo. */
  publicDer?: Buffer;
}

/** Bounds of a TokenCache. */
export interface CacheLimits {
  readonly maxEntries: number;
  /** How long material may stay in memory after it was unwrapped, whether used or not. */
  readonly ttlMs: number;
}

interface Entry {
  readonly key: OpenKey;
  readonly token: Buffer;
  readonly expiresAt: number;
}

/**
 * Least-recently-used cache of unwrapped tokens. Material is overwritten when it leaves the cache, so callers use
 * it at once and keep nothing. `now` is a clock in milliseconds that never goes back.
 */
export class TokenCache {
  // A Map remembers the order of insertion: the first entry is the one used longest ago.
  readonly #entries = new Map<number, Entry>();
  readonly #limits: CacheLimits;
  readonly #now: () => number;
  /** The one used last. */
  #newest: Entry | undefined;

  constructor(limits: CacheLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The opened token, from the cache or by `open`. The whole token must be the same, so a changed one never hits. */
  get(token: Buffer, open: () => OpenKey): OpenKey {
    const hit = this.#find(token);
    if (hit && hit.expiresAt > this.#now()) {
      this.#use(token, hit);
      return hit.key;
    }
    if (hit) this.#drop(slotOf(token));
    return this.#keep(token, open());
  }

  /** Whether a token is here and stays for another `forMs`, unless more than the cache holds come in between. */
  holds(token: Buffer, forMs: number): boolean {
    const hit = this.#find(token);
    return hit !== undefined && hit.expiresAt > this.#now() + forMs;
  }

  /** Takes in a token that was opened elsewhere, in the place of an older copy. */
  put(token: Buffer, opened: OpenKey): void {
    this.#keep(token, opened);
  }

  /** Overwrites what is too old. Called regularly, so that the limit also holds for keys nobody asks for. */
  sweep(): void {
    const now = this.#now();
    for (const [slot, entry] of this.#entries) if (entry.expiresAt <= now) this.#drop(slot);
  }

  /** Overwrites everything. */
  clear(): void {
    for (const slot of [...this.#entries.keys()]) this.#drop(slot);
  }

  #find(token: Buffer): Entry | undefined {
    const entry = this.#entries.get(slotOf(token));
    return entry?.token.equals(token) ? entry : undefined;
  }

  #use(token: Buffer, entry: Entry): void {
    if (entry === this.#newest) return;
    const slot = slotOf(token);
    this.#entries.delete(slot);
    this.#entries.set(slot, entry);
    this.#newest = entry;
  }

  /** Another token in the same slot, which is very rare, makes room. */
  #keep(token: Buffer, opened: OpenKey): OpenKey {
    const slot = slotOf(token);
    this.#drop(slot);
    while (this.#entries.size >= this.#limits.maxEntries) this.#drop(this.#entries.keys().next().value as number);
    // A copy: the token shares memory with a whole frame of calls.
    const entry = { key: opened, token: Buffer.from(token), expiresAt: this.#now() + this.#limits.ttlMs };
    this.#entries.set(slot, entry);
    this.#newest = entry;
    return opened;
  }

  #drop(slot: number): void {
    const entry = this.#entries.get(slot);
    if (!entry) return;
    entry.key.material.fill(0);
    this.#entries.delete(slot);
    if (entry === this.#newest) this.#newest = undefined;
  }
}

const SLOT_BYTES = 6;

/** The end of a token is the end of its tag, which no two tokens share by chance. */
function slotOf(token: Buffer): number {
  const bytes = Math.min(SLOT_BYTES, token.length);
  return bytes === 0 ? 0 : token.readUIntLE(token.length - bytes, bytes);
}
