import { combine, split } from 'shamir-secret-sharing';
import { bech32m } from '@scure/base';
import { RootError } from './root-error.js';

/** One of the n shares of a secret of which k open the root. */
export interface Share {
  /** The first 4 bytes of the set's id: shares of different splits never mix. */
  readonly set: Buffer;
  /** How many shares open it. */
  readonly threshold: number;
  /** 33 bytes: 32 of the share and its x-coordinate, as shamir-secret-sharing makes them. */
  readonly bytes: Buffer;
}

/** Bytes of the set id that a share names. */
export const SET_BYTES = 4;
export const SECRET_BYTES = 32;

const VERSION = 1;
const PREFIX = 'ks';
const SHARE_BYTES = SECRET_BYTES + 1;
const MAX_SHARES = 255;

/** Splits a 32-byte secret: any `threshold` of `count` shares give it back, fewer tell nothing. 2 to 255 each. */
export async function splitSecret(
  secret: Uint8Array,
  set: Uint8Array,
  threshold: number,
  count: number,
): Promise<Share[]> {
  if (!isSplit(threshold, count)) throw new RangeError('shares: 2 to 255 wanted, and as many or fewer to open');
  // The library wants a Uint8Array that is no Buffer, and random coefficients are its own.
  const plain = Uint8Array.from(secret);
  const shares = await split(plain, count, threshold);
  plain.fill(0);
  return shares.map((bytes) => ({
    set: Buffer.from(set.subarray(0, SET_BYTES)),
    threshold,
    bytes: Buffer.from(bytes),
  }));
}

/** Whether k of n is something that can be split. */
export function isSplit(threshold: number, count: number): boolean {
  return (
    Number.isInteger(threshold) &&
    Number.isInteger(count) &&
    threshold >= 2 &&
    threshold <= count &&
    count <= MAX_SHARES
  );
}

/**
 * What shares give. Too few or wrong ones give some other 32 bytes without a sign of it: whoever calls this checks
 * the secret against something that it opens. The caller overwrites the result.
 */
export async function combineShares(shares: readonly Share[]): Promise<Buffer> {
  return Buffer.from(await combine(shares.map(({ bytes }) => Uint8Array.from(bytes))));
}

/**
 * A share as a line that a person can type: bech32m ("ks1…", 72 characters), which finds up to four wrong characters
 * for certain. Bytes inside: version, threshold, set (4), share (33).
 */
export function formatShare({ set, threshold, bytes }: Share): string {
  return bech32m.encodeFromBytes(PREFIX, Uint8Array.from([VERSION, threshold, ...set, ...bytes]));
}

/** Reads a typed share; spaces and dashes are ignored, capitals are as good. Throws RootError 'unsupported'. */
export function parseShare(text: string): Share {
  const typed = text.replace(/[\s-]/g, '').toLowerCase();
  const bytes = Buffer.from(decode(typed));
  const [version, threshold = 0] = bytes;
  if (version !== VERSION || threshold < 2 || bytes.length !== 2 + SET_BYTES + SHARE_BYTES) throw noShare();
  return { set: bytes.subarray(2, 2 + SET_BYTES), threshold, bytes: bytes.subarray(2 + SET_BYTES) };
}

function decode(typed: string): Uint8Array {
  try {
    const { prefix, bytes } = bech32m.decodeToBytes(typed);
    if (prefix === PREFIX) return bytes;
  } catch {
    // The library's message would repeat the share.
  }
  throw noShare();
}

function noShare(): RootError {
  return new RootError('unsupported', 'That is not a share, or it was mistyped: its checksum does not fit.');
}
