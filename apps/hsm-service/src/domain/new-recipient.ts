import { randomBytes, timingSafeEqual } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { consuming, zero } from './bytes.js';
import {
  checkOf,
  keyFileRecipient,
  passphraseRecipient,
  SALT_BYTES,
  shamirRecipient,
  type DeviceUnlock,
  type NewRecipient,
} from './recipients.js';
import { isSplit, SECRET_BYTES, splitSecret, type Share } from './shamir.js';

/** What somebody brings along: the bytes of a key file, of a passphrase, or of one share as printed. */
export interface GivenSecret {
  readonly kind: 'KEYFILE' | 'PASSPHRASE' | 'SHARE';
  readonly bytes: Buffer;
}

/** What opens a root: something that somebody brings along, or the device that the HSM has. */
export type Secret = GivenSecret | { readonly kind: 'DEVICE' };

/** The device of this HSM as ceremonies use it. Each throws Unavailable with one sentence while it does not answer. */
export interface RootDevice {
  /** Names its token, for people. */
  name(): Promise<{ readonly serial: string; readonly label: string }>;
  /** A recipient that only the device opens; the caller overwrites its key. */
  newRecipient(): Promise<NewRecipient>;
  /**
   * The wrapping key for the public part of a recipient; undefined if the device's key does not open it.
   * Throws RootError 'wrong-secret' if the token has no such key.
   */
  keyOf(head: Buffer): Promise<Buffer | undefined>;
}

/** A recipient that was made, and for shares what the custodians get. */
export interface MadeRecipient {
  readonly recipient: NewRecipient;
  readonly shares: readonly Share[];
}

type Arguments = Readonly<Record<string, string>>;

const MAX_PASSPHRASE_BYTES = 1_024;
const HEX16 = /^[0-9a-f]{32}$/;

/**
 * The arguments by which a signed command names the recipient to be added: of a secret only a check value, which costs
 * a guesser as much as the root file itself; of a device the serial number of its token.
 */
export async function recipientArguments(
  { name = '', threshold = '', count = '' }: Arguments,
  secret: Secret | undefined,
  device: RootDevice | undefined,
): Promise<Arguments> {
  if (!secret) {
    split({ threshold, count });
    return { name, kind: 'SHAMIR', threshold, count };
  }
  if (secret.kind === 'DEVICE') return { name, kind: 'PKCS11', token: (await mustHave(device).name()).serial };
  const { recipient } = await fromSecret(secret, randomBytes(SALT_BYTES));
  return consuming(recipient.kek, () => {
    const salt = recipient.head.subarray(-SALT_BYTES).toString('hex');
    const check = checkOf(recipient).toString('hex');
    return { name, kind: secret.kind, check, ...(secret.kind === 'PASSPHRASE' ? { salt } : {}) };
  });
}

/** Makes the recipient that a command names. Throws Validation if the secret is another one than when it was prepared. */
export async function recipientOf(
  args: Arguments,
  secret: Secret | undefined,
  device: RootDevice | undefined,
): Promise<MadeRecipient> {
  if (args['kind'] === 'SHAMIR' && !secret) return fromShares(args);
  if (args['kind'] === 'PKCS11' && secret?.kind === 'DEVICE') return fromDevice(args, mustHave(device));
  const { salt = '00'.repeat(SALT_BYTES), check = '' } = args;
  if (!secret || secret.kind === 'DEVICE' || secret.kind !== args['kind'] || !HEX16.test(salt) || !HEX16.test(check))
    throw otherSecret();
  const made = await fromSecret(secret, Buffer.from(salt, 'hex'));
  if (timingSafeEqual(checkOf(made.recipient), Buffer.from(check, 'hex'))) return made;
  throw otherSecret();
}

async function fromShares(args: Arguments): Promise<MadeRecipient> {
  const { threshold, count } = split(args);
  const set = randomBytes(SALT_BYTES);
  const secret = randomBytes(SECRET_BYTES);
  const shares = await splitSecret(secret, set, threshold, count);
  return consuming(secret, () => ({ recipient: shamirRecipient(secret, set, threshold, count), shares }));
}

async function fromDevice({ token = '' }: Arguments, device: RootDevice): Promise<MadeRecipient> {
  const { serial } = await device.name();
  if (serial !== token)
    throw new KeysteadError('Validation', `The command is for the token of serial ${token}, and this is ${serial}.`);
  return { recipient: await device.newRecipient(), shares: [] };
}

/** The device of this HSM. Throws Validation where none is configured. */
export function mustHave(device: RootDevice | undefined): RootDevice {
  if (device) return device;
  throw new KeysteadError('Validation', 'This hsm-service has no PKCS#11 device (KEYSTEAD_PKCS11_MODULE).');
}

/** What a device opens a root by. */
export function unlockByDevice(device: RootDevice): DeviceUnlock {
  return { kind: 'PKCS11', keyOf: (head) => device.keyOf(head) };
}

/** Overwrites what somebody brought along. */
export function wipeSecret(secret: Secret | undefined): void {
  if (secret && secret.kind !== 'DEVICE') zero(secret.bytes);
}

async function fromSecret({ kind, bytes }: GivenSecret, salt: Buffer): Promise<MadeRecipient> {
  if (kind === 'KEYFILE') {
    if (bytes.length !== SECRET_BYTES) throw new KeysteadError('Validation', 'A key file holds exactly 32 bytes.');
    return { recipient: keyFileRecipient(bytes), shares: [] };
  }
  if (kind !== 'PASSPHRASE' || bytes.length < 1 || bytes.length > MAX_PASSPHRASE_BYTES)
    throw new KeysteadError('Validation', `A passphrase has 1 to ${MAX_PASSPHRASE_BYTES} bytes.`);
  return { recipient: await passphraseRecipient(bytes, salt), shares: [] };
}

function split({ threshold = '', count = '' }: Arguments): { threshold: number; count: number } {
  const [k, n] = [threshold, count].map((text) => (/^\d{1,3}$/.test(text) ? Number(text) : NaN)) as [number, number];
  if (isSplit(k, n)) return { threshold: k, count: n };
  throw new KeysteadError('Validation', 'threshold, count: shares are from 2 of 2 to 255 of 255.');
}

function otherSecret(): KeysteadError {
  return new KeysteadError('Validation', 'The secret is not the one with which the command was prepared.');
}
