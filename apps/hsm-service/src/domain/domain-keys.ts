import { KeysteadError } from '@keystead/errors';
import { randomBytes } from 'node:crypto';
import { lending, uint, zero } from './bytes.js';
import { kdf, kdfBy } from './kdf.js';
import {
  openToken,
  openUnderTokenKey,
  parseToken,
  saltIn,
  saltOf,
  sealToken,
  sealUnderTokenKey,
  TOKEN_KEY_LABEL,
  tokenKeyContext,
  type ParsedToken,
  type TokenHeader,
} from './token.js';

/** One domain key: wraps the material of every token of its epoch. */
export interface DomainKey {
  /** From 1, never used twice in a domain. */
  readonly epoch: number;
  /**
   * ACTIVE wraps and unwraps; DECRYPT only unwraps; NEXT unwraps and waits to be the active one; DESTROYED is a memory of
   * the epoch, without a key.
   */
  readonly state: 'ACTIVE' | 'DECRYPT' | 'DESTROYED' | 'NEXT';
  /** Milliseconds since 1970 UTC. */
  readonly createdMs: bigint;
  /** 32 bytes; empty once destroyed, and where the key lies in a device. */
  readonly key: Buffer;
  /** The name of a key that lies in a device and never leaves it (CKA_ID, 16 bytes); absent for a key that is here. */
  readonly deviceId?: Buffer;
}

/** A device that computes with domain keys and gives none out. All of it throws Unavailable while the device is away. */
export interface KeyDevice {
  /** Makes a key that cannot be read out. `id`: 16 bytes that no other key of the device has. */
  make(id: Buffer): Promise<void>;
  /** HMAC-SHA256 of at most a kilobyte; the caller overwrites the result. */
  hmac(id: Buffer, input: Uint8Array): Promise<Buffer>;
  /** Destroys a key; one that is not there is no error. */
  destroy(id: Buffer): Promise<void>;
}

/** A new ACTIVE domain key: in the device if there is one, else of random bytes in memory. */
export async function makeDomainKey(epoch: number, createdMs: bigint, device?: KeyDevice): Promise<DomainKey> {
  const fields = { epoch, state: 'ACTIVE', createdMs } as const;
  if (!device) return { ...fields, key: randomBytes(32) };
  const deviceId = randomBytes(16);
  await device.make(deviceId);
  return { ...fields, key: Buffer.alloc(0), deviceId };
}

/** The secret behind a domain's transfer certificate. It stays the same when domain keys change: peers have pinned it. */
export interface TransferIdentity {
  /** The epoch that it was derived from. */
  readonly epoch: number;
  /** 128 bytes. */
  readonly secret: Buffer;
}

const IDENTITY_LABEL = 'keystead/v1/transfer';
const IDENTITY_BYTES = 128;

interface Loaded {
  readonly domain: Buffer;
  readonly byEpoch: ReadonlyMap<number, DomainKey>;
  readonly active: DomainKey;
  readonly device: KeyDevice | undefined;
  readonly someInDevice: boolean;
}

/**
 * The domain keys of one domain: makes and opens its tokens. Without keys (before `load`, after `close`) it is sealed,
 * and everything is refused with Sealed.
 */
export class DomainKeys {
  #loaded: Loaded | undefined;
  #identity: TransferIdentity | undefined;

  constructor(domain?: Buffer, keys: readonly DomainKey[] = [], device?: KeyDevice) {
    if (domain) this.load(domain, keys, device);
  }

  /** True while there are no keys to work with. */
  get sealed(): boolean {
    return this.#loaded === undefined;
  }

  /** Throws Sealed. */
  mustBeOpen(): void {
    this.#open();
  }

  /** 16 bytes that name the domain. Throws Sealed. */
  get domain(): Buffer {
    return this.#open().domain;
  }

  /** Throws Sealed. */
  get activeEpoch(): number {
    return this.#open().active.epoch;
  }

  /**
   * Works with these keys from now on, at once for every call; keys in memory that are not among them are overwritten.
   * `device` holds those that have a `deviceId`.
   */
  load(domain: Buffer, keys: readonly DomainKey[], device?: KeyDevice): void {
    const active = keys.filter((key) => key.state === 'ACTIVE');
    if (active.length !== 1) throw new RangeError('domain keys: exactly one must be ACTIVE');
    const someInDevice = keys.some((key) => key.deviceId !== undefined);
    if (!device && someInDevice) throw new RangeError('domain keys: some need a device');
    const before = this.#loaded;
    const byEpoch = new Map(keys.map((key) => [key.epoch, key]));
    this.#loaded = { domain, byEpoch, active: active[0] as DomainKey, device, someInDevice };
    const kept = new Set(keys.map(({ key }) => key));
    for (const { key } of before?.byEpoch.values() ?? []) if (!kept.has(key)) zero(key);
  }

  /** Whether tokens of any epoch are. */
  get anyInDevice(): boolean {
    return this.#loaded?.someInDevice === true;
  }

  /** Whether tokens of this epoch are opened with the help of a device, which takes time. */
  inDevice(epoch: number): boolean {
    return this.#loaded?.byEpoch.get(epoch)?.deviceId !== undefined;
  }

  /** Wraps material under the active domain key. The caller overwrites the material when this is done, not before. */
  async seal(
    fields: Omit<TokenHeader, 'materialId' | 'domain' | 'epoch'>,
    material: Uint8Array,
    random: Uint8Array,
  ): Promise<ParsedToken> {
    const { domain, active } = this.#open();
    const { epoch, key, deviceId } = active;
    const header = { ...fields, domain, epoch };
    if (!deviceId) return parseToken(sealToken(key, header, material, random));
    const tokenKey = await this.#inDevice(deviceId, TOKEN_KEY_LABEL, tokenKeyContext(header, saltOf(random)), 32);
    return lending(tokenKey, async () => parseToken(sealUnderTokenKey(tokenKey, header, material, random)));
  }

  /** Material of a token of this domain whose key is here; the caller overwrites it. Throws InvalidToken for any other. */
  open(token: ParsedToken): Buffer {
    const { key, deviceId } = this.#keyOf(token);
    // Only if the material left the cache between `openLater` and its use: the caller tries again.
    if (deviceId) throw new KeysteadError('Unavailable', 'The HSM is busy.');
    return openToken(key, token);
  }

  /** The same wherever the key lies. */
  async openLater(token: ParsedToken): Promise<Buffer> {
    const { key, deviceId } = this.#keyOf(token);
    if (!deviceId) return openToken(key, token);
    const context = tokenKeyContext(token.header, saltIn(token));
    const tokenKey = await this.#inDevice(deviceId, TOKEN_KEY_LABEL, context, 32);
    return lending(tokenKey, async () => openUnderTokenKey(tokenKey, token));
  }

  /** Bytes that only holders of a domain key can derive; the caller overwrites them. Throws InvalidToken. */
  async derive(epoch: number, label: string, length: number): Promise<Buffer> {
    const { domain } = this.#open();
    const { key, deviceId } = this.#usable(epoch);
    const context = Buffer.concat([domain, uint(epoch, 4)]);
    return deviceId ? this.#inDevice(deviceId, label, context, length) : kdf(key, label, context, length);
  }

  /** Keeps the identity of a domain whose first active key is out of use. */
  keepIdentity(identity: TransferIdentity | undefined): void {
    zero(this.#identity?.secret ?? Buffer.alloc(0));
    this.#identity = identity;
  }

  /** The kept identity, or the one that the active domain key gives; the caller overwrites the secret. Throws Sealed. */
  async transferIdentity(): Promise<TransferIdentity> {
    const { epoch } = this.#open().active;
    if (this.#identity) return { epoch: this.#identity.epoch, secret: Buffer.from(this.#identity.secret) };
    return { epoch, secret: await this.derive(epoch, IDENTITY_LABEL, IDENTITY_BYTES) };
  }

  /** Overwrites every key; from then on everything is refused with Sealed. */
  close(): void {
    this.keepIdentity(undefined);
    for (const { key } of this.#loaded?.byEpoch.values() ?? []) zero(key);
    this.#loaded = undefined;
  }

  async #inDevice(id: Buffer, label: string, context: Buffer, length: number): Promise<Buffer> {
    const device = this.#open().device as KeyDevice;
    const derived = await kdfBy((input) => device.hmac(id, input), label, context, length);
    // Sealed while the device worked: nothing of a sealed HSM stays in memory.
    if (this.sealed) zero(derived);
    this.#open();
    return derived;
  }

  #keyOf({ header }: ParsedToken): DomainKey {
    if (!header.domain.equals(this.#open().domain)) throw foreignToken();
    return this.#usable(header.epoch);
  }

  #usable(epoch: number): DomainKey {
    const { byEpoch } = this.#open();
    const key = byEpoch.get(epoch);
    if (key && key.state !== 'DESTROYED') return key;
    // Nobody can tell a forged epoch from one that this replica has not heard of yet: the token's tag will.
    if (epoch > Math.max(...byEpoch.keys())) throw behind();
    throw foreignToken();
  }

  #open(): Loaded {
    if (this.#loaded) return this.#loaded;
    throw new KeysteadError('Sealed', 'The HSM is sealed.');
  }
}

function behind(): KeysteadError {
  return new KeysteadError('RootBehind', 'This HSM does not have the domain key of the key token yet.');
}

function foreignToken(): KeysteadError {
  return new KeysteadError('InvalidToken', 'The key token belongs to another HSM domain or to a destroyed domain key.');
}
