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
  readonly expiresAt: number;
}

/**
 * Least-recently-used cache of unwrapped tokens. Material is overwritten when it leaves the cache, so callers use
 * it at once and keep nothing. `now` is a clock in milliseconds that never goes back.
 */
export class TokenCache {
  // A Map remembers the order of insertion: the first entry is the one used longest ago.
  readonly #entries = new Map<string, Entry>();
  readonly #limits: CacheLimits;
  readonly #now: () => number;

  constructor(limits: CacheLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The opened token, from the cache or by `open`. The whole token is the key, so a changed one never hits. */
  get(token: Buffer, open: () => OpenKey): OpenKey {
    const name = nameOf(token);
    const hit = this.#entries.get(name);
    if (hit && hit.expiresAt > this.#now()) {
      this.#entries.delete(name);
      this.#entries.set(name, hit);
      return hit.key;
    }
    this.#drop(name);
    return this.#keep(name, open());
  }

  /** Whether a token is here and stays for another `forMs`, unless more than the cache holds come in between. */
  holds(token: Buffer, forMs: number): boolean {
    const hit = this.#entries.get(nameOf(token));
    return hit !== undefined && hit.expiresAt > this.#now() + forMs;
  }

  /** Takes in a token that was opened elsewhere, in the place of an older copy. */
  put(token: Buffer, opened: OpenKey): void {
    this.#drop(nameOf(token));
    this.#keep(nameOf(token), opened);
  }

  /** Overwrites what is too old. Called regularly, so that the limit also holds for keys nobody asks for. */
  sweep(): void {
    const now = this.#now();
    for (const [name, entry] of this.#entries) if (entry.expiresAt <= now) this.#drop(name);
  }

  /** Overwrites everything. */
  clear(): void {
    for (const name of [...this.#entries.keys()]) this.#drop(name);
  }

  #keep(name: string, opened: OpenKey): OpenKey {
    while (this.#entries.size >= this.#limits.maxEntries) this.#drop(this.#entries.keys().next().value as string);
    this.#entries.set(name, { key: opened, expiresAt: this.#now() + this.#limits.ttlMs });
    return opened;
  }

  #drop(name: string): void {
    this.#entries.get(name)?.key.material.fill(0);
    this.#entries.delete(name);
  }
}

function nameOf(token: Buffer): string {
  return token.toString('latin1');
}
