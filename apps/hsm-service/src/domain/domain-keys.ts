import { KeysteadError } from '@keystead/errors';
import { uint, zero } from './bytes.js';
import { kdf } from './kdf.js';
import { openToken, parseToken, sealToken, type ParsedToken, type TokenHeader } from './token.js';

/** One domain key: wraps the material of every token of its epoch. */
export interface DomainKey {
  /** From 1, never used twice in a domain. */
  readonly epoch: number;
  /** ACTIVE wraps and unwraps; DECRYPT only unwraps; DESTROYED is a memory of the epoch, without a key. */
  readonly state: 'ACTIVE' | 'DECRYPT' | 'DESTROYED';
  /** Milliseconds since 1970 UTC. */
  readonly createdMs: bigint;
  /** 32 bytes; empty once destroyed. */
  readonly key: Buffer;
}

/** The domain keys of one domain: makes and opens its tokens. */
export class DomainKeys {
  readonly domain: Buffer;
  readonly #byEpoch: ReadonlyMap<number, DomainKey>;
  readonly #active: DomainKey;
  #closed = false;

  constructor(domain: Buffer, keys: readonly DomainKey[]) {
    const active = keys.filter((key) => key.state === 'ACTIVE');
    if (active.length !== 1) throw new RangeError('domain keys: exactly one must be ACTIVE');
    this.domain = domain;
    this.#byEpoch = new Map(keys.map((key) => [key.epoch, key]));
    this.#active = active[0] as DomainKey;
  }

  get activeEpoch(): number {
    return this.#active.epoch;
  }

  /** Wraps material under the active domain key. */
  seal(
    fields: Omit<TokenHeader, 'materialId' | 'domain' | 'epoch'>,
    material: Uint8Array,
    random: Uint8Array,
  ): ParsedToken {
    this.#mustBeOpen();
    const header = { ...fields, domain: this.domain, epoch: this.#active.epoch };
    return parseToken(sealToken(this.#active.key, header, material, random));
  }

  /** Material of a token of this domain; the caller overwrites it. Throws InvalidToken for any other. */
  open(token: ParsedToken): Buffer {
    this.#mustBeOpen();
    const key = this.#byEpoch.get(token.header.epoch);
    if (!key || key.state === 'DESTROYED' || !token.header.domain.equals(this.domain)) throw foreignToken();
    return openToken(key.key, token);
  }

  /** Bytes that only holders of a domain key can derive; the caller overwrites them. Throws InvalidToken. */
  derive(epoch: number, label: string, length: number): Buffer {
    this.#mustBeOpen();
    const key = this.#byEpoch.get(epoch);
    if (!key || key.state === 'DESTROYED') throw foreignToken();
    return kdf(key.key, label, Buffer.concat([this.domain, uint(epoch, 4)]), length);
  }

  /** Overwrites every key; from then on everything is refused with Sealed. */
  close(): void {
    this.#closed = true;
    for (const { key } of this.#byEpoch.values()) zero(key);
  }

  #mustBeOpen(): void {
    // Otherwise new material would be wrapped under the zeros that are left.
    if (this.#closed) throw new KeysteadError('Sealed', 'The HSM is sealed.');
  }
}

function foreignToken(): KeysteadError {
  return new KeysteadError('InvalidToken', 'The key token belongs to another HSM domain or to a destroyed domain key.');
}
