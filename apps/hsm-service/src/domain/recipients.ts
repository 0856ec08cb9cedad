import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { consuming, Reader, zero } from './bytes.js';
import { parseDeviceRecipient } from './device-recipient.js';
import { kdf } from './kdf.js';
import { unwrapSecret, WRAPPED_BYTES, wrapSecret } from './key-wrap.js';
import { RootError } from './root-error.js';

/** The kinds of recipient of a root file, by their number in it. */
export const RECIPIENT_KINDS = ['', 'SHAMIR', 'PKCS11', 'PASSPHRASE', 'EXT_KMS', 'KEYFILE'] as const;
export type RecipientKind = Exclude<(typeof RECIPIENT_KINDS)[number], ''>;

/** One way to the root wrapping secret. Bodies of kinds that this version cannot use are kept as they are. */
export interface Recipient {
  readonly kind: RecipientKind;
  readonly body: Buffer;
}

/** Kinds whose body ends with the root wrapping secret under a key of 32 bytes, by AES-KWP. */
export type WrappingKind = 'SHAMIR' | 'PKCS11' | 'PASSPHRASE' | 'KEYFILE';

type SecretKind = Exclude<WrappingKind, 'PKCS11'>;

/**
 * What opens the root: the 32 bytes of a key file, a passphrase, the 32 bytes that shares gave, or a device, which
 * gives the key of its recipients back.
 */
export type Unlock = { readonly kind: SecretKind; readonly secret: Buffer } | DeviceUnlock;

/** A device that opens the root. */
export interface DeviceUnlock {
  readonly kind: 'PKCS11';
  /** The wrapping key for the public part of a recipient; undefined if the device's key does not open it. */
  readonly keyOf: (head: Buffer) => Promise<Buffer | undefined>;
}

/** A root wrapping secret and how it was found. The caller overwrites `rws` and `kek`. */
export interface Unwrapped {
  readonly rws: Buffer;
  /** Which recipient opened. */
  readonly index: number;
  /** The key that wraps the secret for this recipient. */
  readonly kek: Buffer;
}

/** A recipient to be made: its public part, and the key of 32 bytes that will wrap the secret. */
export interface NewRecipient {
  readonly kind: WrappingKind;
  /** The body without the wrapped secret. */
  readonly head: Buffer;
  readonly kek: Buffer;
}

/** scrypt's cost for new passphrase recipients: 2^17 blocks of 1 KiB take 128 MiB and about 0.6 s. */
export const SCRYPT_LOG_N = 17;
/** Bytes of the salt of a passphrase, and of the id of a set of shares. */
export const SALT_BYTES = 16;

const MIN_LOG_N = 15;
const MAX_LOG_N = 20;
const HEAD_BYTES: Readonly<Record<SecretKind, number>> = {
  SHAMIR: 2 + SALT_BYTES,
  PASSPHRASE: 3 + SALT_BYTES,
  KEYFILE: 0,
};

/** Bytes of the bodies whose length is fixed. */
export const BODY_BYTES: Readonly<Partial<Record<RecipientKind, number>>> = {
  SHAMIR: HEAD_BYTES.SHAMIR + WRAPPED_BYTES,
  PASSPHRASE: HEAD_BYTES.PASSPHRASE + WRAPPED_BYTES,
  KEYFILE: WRAPPED_BYTES,
};

/** A recipient for a key file of 32 bytes. */
export function keyFileRecipient(secret: Uint8Array): NewRecipient {
  return { kind: 'KEYFILE', head: Buffer.alloc(0), kek: Buffer.from(secret) };
}

/** A recipient for a passphrase. `salt` is 16 fresh random bytes. */
export async function passphraseRecipient(
  passphrase: Uint8Array,
  salt: Uint8Array,
  logN = SCRYPT_LOG_N,
): Promise<NewRecipient> {
  const head = Buffer.concat([Buffer.from([logN, 8, 1]), salt]);
  return { kind: 'PASSPHRASE', head, kek: await passphraseKey(passphrase, salt, logN) };
}

/** A recipient for `threshold` of `count` shares of a random secret of 32 bytes. `set` is 16 fresh random bytes. */
export function shamirRecipient(secret: Uint8Array, set: Uint8Array, threshold: number, count: number): NewRecipient {
  return { kind: 'SHAMIR', head: Buffer.concat([Buffer.from([threshold, count]), set]), kek: shamirKey(secret, set) };
}

/** A recipient for a device. `head` is by `encodeDeviceRecipient`, `kek` the key that only the device can bring back. */
export function deviceRecipient(head: Buffer, kek: Buffer): NewRecipient {
  return { kind: 'PKCS11', head, kek };
}

/** The recipient of a root wrapping secret. */
export function wrapFor({ kind, head, kek }: NewRecipient, rws: Uint8Array): Recipient {
  return { kind, body: Buffer.concat([head, wrapSecret(kek, rws)]) };
}

/** The same recipient for another root wrapping secret. */
export function rewrapFor({ kind, body }: Recipient, kek: Buffer, rws: Uint8Array): Recipient {
  return { kind, body: Buffer.concat([body.subarray(0, body.length - WRAPPED_BYTES), wrapSecret(kek, rws)]) };
}

/** The split of a SHAMIR recipient. */
export function splitOf({ kind, body }: Recipient): { threshold: number; count: number; set: Buffer } | undefined {
  if (kind !== 'SHAMIR') return undefined;
  return { threshold: body[0] ?? 0, count: body[1] ?? 0, set: body.subarray(2, 2 + SALT_BYTES) };
}

/** The serial number of the token of a PKCS11 recipient; undefined for others, and for one written in another way. */
export function tokenOf({ kind, body }: Recipient): string | undefined {
  if (kind !== 'PKCS11') return undefined;
  try {
    return parseDeviceRecipient(body.subarray(0, Math.max(0, body.length - WRAPPED_BYTES))).serial;
  } catch {
    return undefined;
  }
}

/**
 * The root wrapping secret and the recipient that gave it.
 * Throws RootError 'unsupported' if no recipient is of this kind, 'wrong-secret' if none of them opens: for a device with
 * the sentence about the last one that it has no key for.
 */
export async function unwrapBy(unlock: Unlock, recipients: readonly Recipient[]): Promise<Unwrapped> {
  if (!recipients.some(({ kind }) => kind === unlock.kind)) {
    const kinds = recipients.map((recipient) => recipient.kind).join(', ');
    throw new RootError('unsupported', `The root file opens by ${kinds}, and a ${unlock.kind} was given.`);
  }
  let wrong = new RootError('wrong-secret', WRONG[unlock.kind]);
  for (const [index, recipient] of recipients.entries()) {
    if (recipient.kind !== unlock.kind) continue;
    const found = await unwrapOne(unlock, recipient.body).catch((error: unknown) => {
      // Another recipient may be of this device: each device of several has one.
      if (error instanceof RootError && error.problem === 'wrong-secret') wrong = error;
      else throw error;
    });
    if (found) return { ...found, index };
  }
  throw wrong;
}

const WRONG = {
  KEYFILE: 'The key file is not the one that this root was made with.',
  PASSPHRASE: 'The passphrase is not the one that this root was made with.',
  SHAMIR: 'These shares do not open the root.',
  PKCS11: 'The device does not open the root.',
} as const;

async function unwrapOne(unlock: Unlock, body: Buffer): Promise<Omit<Unwrapped, 'index'> | undefined> {
  const kek =
    unlock.kind === 'PKCS11'
      ? await unlock.keyOf(body.subarray(0, Math.max(0, body.length - WRAPPED_BYTES)))
      : await keyFor(unlock.kind, unlock.secret, body);
  if (!kek) return undefined;
  const rws = unwrapSecret(kek, body.subarray(body.length - WRAPPED_BYTES));
  if (rws) return { rws, kek };
  zero(kek);
  return undefined;
}

/** The key that wraps the secret in a body, for whoever has the secret of its recipient. */
async function keyFor(kind: SecretKind, secret: Buffer, body: Buffer): Promise<Buffer> {
  if (kind === 'KEYFILE') return Buffer.from(secret);
  const reader = new Reader(body);
  if (kind === 'SHAMIR') {
    reader.take(2);
    return shamirKey(secret, reader.take(SALT_BYTES));
  }
  const [logN, r, p] = reader.take(3);
  if (logN === undefined || logN < MIN_LOG_N || logN > MAX_LOG_N || r !== 8 || p !== 1) {
    throw new RootError('unsupported', 'The root file asks for scrypt parameters that this version does not accept.');
  }
  return passphraseKey(secret, reader.take(SALT_BYTES), logN);
}

function shamirKey(secret: Uint8Array, set: Uint8Array): Buffer {
  return kdf(secret, 'keystead/v1/seal-shamir', set, 32);
}

/** A value by which a command names the secret of a new recipient, without telling it. */
export function checkOf({ head, kek }: NewRecipient): Buffer {
  return consuming(kdf(kek, 'keystead/v1/recipient-check', head, 32), (full) => Buffer.from(full.subarray(0, 16)));
}

const scryptAsync = promisify<Uint8Array, Uint8Array, number, object, Buffer>(scrypt);

function passphraseKey(passphrase: Uint8Array, salt: Uint8Array, logN: number): Promise<Buffer> {
  const N = 2 ** logN;
  // scrypt needs 128 * N * r bytes; OpenSSL refuses to go up to its limit exactly.
  return scryptAsync(passphrase, salt, 32, { N, r: 8, p: 1, maxmem: 2 * 128 * N * 8 });
}
