import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** SHA-256 (FIPS 180-4) of the parts joined: 32 bytes. */
export function sha256(...parts: readonly (Uint8Array | string)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** SHA-256 in lower-case hex, as SigV4 writes it. */
export function sha256Hex(...parts: readonly (Uint8Array | string)[]): string {
  return sha256(...parts).toString('hex');
}

/** HMAC-SHA-256 (FIPS 198-1): 32 bytes. */
export function hmacSha256(key: Uint8Array, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** Compares two values in time that depends only on their lengths. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

/**
 * SP 800-108r1 key derivation in counter mode with HMAC-SHA-256.
 *
 * @param length bytes to derive, 1 to 8,160
 */
export function kdfCounter(key: Uint8Array, label: string, context: Uint8Array, length: number): Buffer {
  checkLength(length, 255 * 32);
  const bits = u32(length * 8);
  const blocks: Buffer[] = [];
  for (let i = 1; (i - 1) * 32 < length; i++) {
    blocks.push(hmacSha256(key, u32(i), label, ZERO, context, bits));
  }
  return Buffer.concat(blocks, length);
}

/**
 * HKDF-Expand (RFC 5869 §2.3) with HMAC-SHA-512. Written out because node:crypto's hkdf always extracts first and
 * refuses an `info` longer than 1,024 bytes.
 *
 * @param length bytes to derive, 1 to 16,320
 */
export function hkdfExpandSha512(key: Uint8Array, info: Uint8Array, length: number): Buffer {
  checkLength(length, 255 * 64);
  const blocks: Buffer[] = [];
  let previous: Buffer = Buffer.alloc(0);
  for (let i = 1; (i - 1) * 64 < length; i++) {
    previous = createHmac('sha512', key).update(previous).update(info).update(Uint8Array.of(i)).digest();
    blocks.push(previous);
  }
  return Buffer.concat(blocks, length);
}

const ZERO = Buffer.alloc(1);

function u32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
}

function checkLength(length: number, most: number): void {
  if (!Number.isInteger(length) || length < 1 || length > most) throw new RangeError(`length must be 1 to ${most}`);
}
