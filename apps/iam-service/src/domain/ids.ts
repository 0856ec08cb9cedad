import { randomBytes } from 'node:crypto';

/** Makes that many random bytes; an argument, so that tests know what comes out. */
export type Random = (size: number) => Uint8Array;

/** The operating system's generator. */
export const systemRandom: Random = randomBytes;

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** What an id stands for, in AWS's prefixes: user, group, managed policy, role, instance profile. */
export type IdPrefix = 'AIDA' | 'AGPA' | 'ANPA' | 'AROA' | 'AIPA';

/** 21 characters: the prefix and 17 random ones, as AWS's unique ids are. */
export function uniqueId(prefix: IdPrefix, random: Random): string {
  return prefix + [...random(17)].map((byte) => base32[byte & 31]).join('');
}

/**
 * 20 characters: AKIA (ASIA for temporary credentials) and 80 bits in Base32, of which 40 are the account, where AWS has them too, so that tools which
 * read the account out of a leaked key id work: one set bit, the account, 39 random bits.
 */
export function accessKeyId(account: string, random: Random, prefix: 'AKIA' | 'ASIA' = 'AKIA'): string {
  const low = random(5).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n) & ((1n << 39n) - 1n);
  const bits = (1n << 79n) | (BigInt(account) << 39n) | low;
  return prefix + Array.from({ length: 16 }, (_, i) => base32[Number((bits >> BigInt(75 - 5 * i)) & 31n)]).join('');
}

/** A random UUID (RFC 9562, version 4). */
export function uuid(random: Random): string {
  const bytes = Buffer.from(random(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The 40 characters of a new secret as bytes, which the caller zeroes; 240 bits are random. */
export function secretAccessKey(random: Random): Buffer {
  return Buffer.from(Buffer.from(random(30)).toString('base64'), 'latin1');
}

/** The token of a session: 384 random bits, 64 characters, as bytes, which the caller zeroes. */
export function sessionToken(random: Random): Buffer {
  return Buffer.from(Buffer.from(random(48)).toString('base64'), 'latin1');
}
