import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { Reader, zero } from './bytes.js';
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

/** What an operator gives to open the root: the 32 bytes of a key file, or a passphrase. */
export interface Unlock {
  readonly kind: 'KEYFILE' | 'PASSPHRASE';
  readonly secret: Buffer;
}

/** scrypt's cost for new passphrase recipients: 2^17 blocks of 1 KiB take 128 MiB and about 0.6 s. */
export const SCRYPT_LOG_N = 17;

const SALT_BYTES = 16;
const MIN_LOG_N = 15;
const MAX_LOG_N = 20;
const PASSPHRASE_BYTES = 3 + SALT_BYTES + WRAPPED_BYTES;

/** Bytes of the bodies whose length is fixed. */
export const BODY_BYTES: Readonly<Partial<Record<RecipientKind, number>>> = {
  SHAMIR: 2 + SALT_BYTES + WRAPPED_BYTES,
  PASSPHRASE: PASSPHRASE_BYTES,
  KEYFILE: WRAPPED_BYTES,
};

/** Makes a recipient. `salt` is 16 fresh random bytes. */
export async function recipientFor(
  unlock: Unlock,
  rws: Uint8Array,
  salt: Uint8Array,
  logN = SCRYPT_LOG_N,
): Promise<Recipient> {
  if (unlock.kind === 'KEYFILE') return { kind: 'KEYFILE', body: wrapSecret(unlock.secret, rws) };
  const kek = await passphraseKey(unlock.secret, salt, logN);
  const body = Buffer.concat([Buffer.from([logN, 8, 1]), salt, wrapSecret(kek, rws)]);
  zero(kek);
  return { kind: 'PASSPHRASE', body };
}

/**
 * The root wrapping secret, which the caller overwrites after use.
 * Throws RootError 'unsupported' if no recipient is of this kind, 'wrong-secret' if none of them opens.
 */
export async function unwrapBy(unlock: Unlock, recipients: readonly Recipient[]): Promise<Buffer> {
  const candidates = recipients.filter((recipient) => recipient.kind === unlock.kind);
  if (candidates.length === 0) {
    const kinds = recipients.map((recipient) => recipient.kind).join(', ');
    throw new RootError('unsupported', `The root file opens by ${kinds}, and a ${unlock.kind} was given.`);
  }
  for (const { body } of candidates) {
    const rws = unlock.kind === 'KEYFILE' ? unwrapSecret(unlock.secret, body) : await byPassphrase(unlock.secret, body);
    if (rws) return rws;
  }
  throw new RootError('wrong-secret', WRONG[unlock.kind]);
}

const WRONG = {
  KEYFILE: 'The key file is not the one that this root was made with.',
  PASSPHRASE: 'The passphrase is not the one that this root was made with.',
} as const;

async function byPassphrase(passphrase: Buffer, body: Buffer): Promise<Buffer | undefined> {
  const reader = new Reader(body);
  const [logN, r, p] = reader.take(3);
  if (logN === undefined || logN < MIN_LOG_N || logN > MAX_LOG_N || r !== 8 || p !== 1) {
    throw new RootError('unsupported', 'The root file asks for scrypt parameters that this version does not accept.');
  }
  const kek = await passphraseKey(passphrase, reader.take(SALT_BYTES), logN);
  const rws = unwrapSecret(kek, reader.take(WRAPPED_BYTES));
  zero(kek);
  return rws;
}

const scryptAsync = promisify<Uint8Array, Uint8Array, number, object, Buffer>(scrypt);

function passphraseKey(passphrase: Buffer, salt: Uint8Array, logN: number): Promise<Buffer> {
  const N = 2 ** logN;
  // scrypt needs 128 * N * r bytes; OpenSSL refuses to go up to its limit exactly.
  return scryptAsync(passphrase, salt, 32, { N, r: 8, p: 1, maxmem: 2 * 128 * N * 8 });
}
