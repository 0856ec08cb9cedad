import { KeysteadError } from '@keystead/errors';
import { lending, view } from './bytes.js';
import type { DomainKeys } from './domain-keys.js';
import { formatAccount, formatKeyId, parseAccount, parseKeyId } from './identity.js';
import { keySpecFor, usageName } from './key-specs.js';
import { USAGE_MASK, usages } from './material.js';
import type { Random } from './random-pool.js';
import { parseToken, TOKEN_RANDOM_BYTES, type ParsedToken, type TokenHeader } from './token.js';
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

/** A key as everybody else may keep it. */
export interface SealedKey {
  readonly token: Buffer;
  /** 32 bytes. */
  readonly materialId: Buffer;
}

/** What the creator of a token decides. */
export type TokenFields = Omit<TokenHeader, 'materialId' | 'domain' | 'epoch'>;

/** How long material that was fetched from the device's help stays at least: longer than any operation takes. */
const AT_HAND_MS = 15_000;
const KEYS_OF_USERS = USAGE_MASK & ~(usages.IMPORT_WRAP | usages.INTERNAL);

/** What the vault works with. */
export interface VaultParts {
  readonly keys: DomainKeys;
  readonly cache: TokenCache;
  readonly random: Random;
  readonly now: () => Date;
}

/**
 * Seals material into tokens and opens them. Usage, spec, account and key id come from the authenticated token, never
 * from the caller, whose claims are only compared with it.
 */
export class KeyVault {
  readonly keys: DomainKeys;
  readonly now: () => Date;
  readonly #cache: TokenCache;
  readonly #random: Random;
  readonly #fetching = new Map<string, Promise<void>>();

  constructor({ keys, cache, random, now }: VaultParts) {
    this.keys = keys;
    this.now = now;
    this.#cache = cache;
    this.#random = random;
  }

  /** Seals material; the caller overwrites it when this is done, not before. */
  async seal(fields: TokenFields, material: Uint8Array): Promise<SealedKey> {
    const { bytes, header } = await this.keys.seal(fields, material, this.#random(TOKEN_RANDOM_BYTES));
    return { token: bytes, materialId: header.materialId };
  }

  /** Whether any token could need `prepare` at all. */
  get needsPreparation(): boolean {
    return this.keys.anyInDevice;
  }

  /**
   * Opens those of the tokens that need a device, so that `open` finds them at once; undefined if none does. Refuses
   * nothing but what the device refuses: `open` says what is wrong with a token. Throws Unavailable.
   */
  prepare(tokens: readonly Uint8Array[]): Promise<unknown> | undefined {
    const distant = tokens.map(view).filter((token) => !this.#cache.holds(token, AT_HAND_MS) && this.#isDistant(token));
    return distant.length > 0 ? Promise.all(distant.map((token) => this.#fetch(token))) : undefined;
  }

  /**
   * Opens a token for one usage. The material stays in the cache, which may overwrite it at any later call: use it at
   * once. Throws InvalidToken, InvalidKeyUsage.
   */
  open(claim: KeyReference, usage: number): OpenKey {
    const opened = this.openAny(claim);
    if (opened.header.usage === usage) return opened;
    throw new KeysteadError('InvalidKeyUsage', `The key usage is not ${usageName(usage)}.`);
  }

  /** Opens a token whatever its usage, for what concerns the key itself and not its use. Throws InvalidToken, InvalidKeyUsage. */
  openAny(claim: KeyReference): OpenKey {
    const token = view(claim.token);
    return mustBe(
      claim,
      this.#cache.get(token, () => this.#unwrap(token)),
    );
  }

  /**
   * The same key in a new token under the active domain key. Nothing of it is kept: all tokens of a domain pass here,
   * and would drive those that are in use out of the cache. Throws InvalidToken, InvalidKeyUsage.
   */
  async rewrap(claim: KeyReference): Promise<SealedKey> {
    const parsed = ownToken(view(claim.token));
    return lending(await this.keys.openLater(parsed), async (material) =>
      this.seal(mustBe(claim, openKey(parsed, material)).header, material),
    );
  }

  #unwrap(token: Buffer): OpenKey {
    const parsed = ownToken(token);
    return openKey(parsed, this.keys.open(parsed));
  }

  #isDistant(token: Buffer): boolean {
    try {
      return this.keys.inDevice(parseToken(token).header.epoch);
    } catch {
      return false;
    }
  }

  /** Many calls with one key ask the device once. */
  #fetch(token: Buffer): Promise<void> {
    const name = token.toString('latin1');
    const running = this.#fetching.get(name);
    if (running) return running;
    const fetch = this.#fetchOnce(token).finally(() => this.#fetching.delete(name));
    this.#fetching.set(name, fetch);
    return fetch;
  }

  async #fetchOnce(token: Buffer): Promise<void> {
    const parsed = ownToken(token);
    try {
      this.#cache.put(parsed.bytes, openKey(parsed, await this.keys.openLater(parsed)));
    } catch (error) {
      // A copy that is a little old serves while the device is away.
      if (!this.#cache.holds(parsed.bytes, 0)) throw error;
    }
  }
}

/** Refuses a token that names another key than the claim. Throws InvalidToken, InvalidKeyUsage. */
function mustBe(claim: KeyReference, opened: OpenKey): OpenKey {
  if (opened.account !== claim.account || opened.keyId !== claim.keyId) {
    throw new KeysteadError('InvalidToken', 'The key token names another key than the request.');
  }
  // An import token holds a wrapping key under the name and spec of the key that waits for material.
  if ((opened.header.usage & KEYS_OF_USERS) !== 0) return opened;
  throw new KeysteadError('InvalidKeyUsage', 'The token is not the token of a key.');
}

/** A copy: the token shares memory with a whole frame of calls, which the cache must not keep alive. */
function ownToken(token: Buffer): ParsedToken {
  return parseToken(Buffer.from(token));
}

function openKey({ header }: ParsedToken, material: Buffer): OpenKey {
  const [account, keyId] = [formatAccount(header.account), formatKeyId(header.keyId, header.multiRegion)];
  return { header, account, keyId, material, handles: {} };
}

/** What the token of a new key says. Throws Validation, or UnsupportedOperation for SM2. */
export function tokenFields(wanted: NewKey, now: Date): TokenFields {
  const account = parseAccount(wanted.account);
  const id = parseKeyId(wanted.keyId);
  if (account === undefined) throw new KeysteadError('Validation', 'account: 12 digits wanted.');
  if (id?.multiRegion !== wanted.multiRegion) {
    throw new KeysteadError('Validation', 'key id: a UUID or mrk- id wanted.');
  }
  const { spec, usage, generation } = wanted;
  keySpecFor(spec, usage);
  return { spec, usage, generation, ...id, account, origin: 0, createdMs: BigInt(now.getTime()) };
}
