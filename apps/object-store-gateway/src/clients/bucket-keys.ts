import { KeysteadError } from '@keystead/errors';
import { kdfCounter } from '@keystead/crypto/hash';
import { CallContext } from '@keystead/proto/common';
import { LeasedCache } from '@keystead/service';
import type { Lease } from '@keystead/service';
import type { DataKey, DataKeys, KeyUser } from './data-keys.js';

/** A data key from which those of many objects are derived (S3 Bucket Keys). */
export interface BucketKey {
  /** The key as KMS wrapped it, base64. */
  readonly wrapped: string;
  /** Full ARN of the KMS key, whatever it was named by. */
  readonly keyArn: string;
  /** The data key of one object: 32 bytes that whoever asked zeroes. `salt` is new for each object. */
  objectKey(salt: Uint8Array, objectArn: string): Buffer;
}

/** Bucket keys, each asked of kms-service once in a while for each caller. Rejects as DataKeys does. */
export interface BucketKeys {
  /** The key for new objects. */
  generate(user: KeyUser, keyId: string, context: Readonly<Record<string, string>>): Promise<BucketKey>;
  /** The key of an object that was stored under it. */
  open(user: KeyUser, keyArn: string, wrapped: string, context: Readonly<Record<string, string>>): Promise<BucketKey>;
  close(): void;
}

/** What vouches for a bucket key: the owner of the KMS key and the owner of the caller's policies. */
type Voucher = Pick<Lease, 'fresh' | 'onChange'>;

/** A key serves so long at most, and is erased a moment later: data keys are gone five seconds after their use. */
const SERVED_MS = 4_000;
const ERASED_MS = 5_000;
const MOST_KEYS = 1_000;

/**
 * Keeps bucket keys while kms-service and iam-service say that nothing has changed: after the acknowledgement of a change
 * to a key, a grant, an alias or a policy none made before it serves. One caller's key serves nobody else, nor the same
 * caller from elsewhere, since policies may ask for any of that.
 */
export function bucketKeys(dataKeys: DataKeys, vouchers: readonly Voucher[]): BucketKeys {
  const cache = new LeasedCache<HeldKey>({ lease: all(vouchers), maxEntries: MOST_KEYS, maxAgeMs: SERVED_MS });
  const get = async (key: string, load: () => Promise<HeldKey>): Promise<BucketKey> => {
    const held = cache.peek(key) ?? (await cache.get(key, load));
    if (!held) throw new KeysteadError('Internal', 'A bucket key came without a key.');
    return held;
  };
  return {
    generate: (user, keyId, context) =>
      get(nameOf('generate', user, keyId, '', context), async () =>
        held(await dataKeys.generate(user, keyId, context)),
      ),
    open: (user, keyArn, wrapped, context) =>
      get(nameOf('open', user, keyArn, wrapped, context), async () => {
        const plaintext = await dataKeys.open(user, keyArn, Buffer.from(wrapped, 'base64'), context);
        return new HeldKey(plaintext, wrapped, keyArn);
      }),
    close: () => cache.close(),
  };
}

const held = ({ plaintext, wrapped, keyArn }: DataKey): HeldKey =>
  new HeldKey(plaintext, wrapped.toString('base64'), keyArn);

class HeldKey implements BucketKey {
  readonly wrapped: string;
  readonly keyArn: string;
  /** Of its own memory: what it came in also holds what others received. */
  #key: Buffer | undefined;

  /** Takes `plaintext` over and zeroes it. */
  constructor(plaintext: Buffer, wrapped: string, keyArn: string) {
    this.wrapped = wrapped;
    this.keyArn = keyArn;
    this.#key = Buffer.alloc(plaintext.length);
    plaintext.copy(this.#key);
    plaintext.fill(0);
    setTimeout(() => this.#erase(), ERASED_MS).unref();
  }

  objectKey(salt: Uint8Array, objectArn: string): Buffer {
    // Nothing may ever be sealed under what an erased key derives.
    if (!this.#key) throw new KeysteadError('Internal', 'A bucket key was used after its time.');
    return kdfCounter(this.#key, 'keystead/v1/object', Buffer.concat([salt, Buffer.from(objectArn, 'utf8')]), 32);
  }

  #erase(): void {
    this.#key?.fill(0);
    this.#key = undefined;
  }
}

/** Everything that a policy could ask about a call, so that only its like is answered from memory. */
function nameOf(
  use: 'generate' | 'open',
  user: KeyUser,
  keyId: string,
  wrapped: string,
  context: Readonly<Record<string, string>>,
): string {
  const caller =
    user === 'service' ? user : Buffer.from(CallContext.encode({ ...user, requestId: '' }).finish()).toString('base64');
  return JSON.stringify([use, caller, keyId, wrapped, context]);
}

/** Vouches while all do; any change makes everything void. */
function all(vouchers: readonly Voucher[]): Voucher {
  return {
    fresh: () => vouchers.every((voucher) => voucher.fresh()),
    onChange: (listener) => {
      const stops = vouchers.map((voucher) => voucher.onChange(() => listener(undefined)));
      return () => stops.forEach((stop) => stop());
    },
  };
}
