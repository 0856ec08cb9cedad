import { createHmac, hash, timingSafeEqual } from 'node:crypto';

/** SHA-256 of nothing, in hex. */
export const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/**
 * The key of one access key, day (`YYYYMMDD`), Region and service; 32 bytes. It signs nothing outside that scope, so
 * that iam-service may hand it out while the secret stays where it is.
 */
export function deriveSigningKey(secret: string, date: string, region: string, service: string): Buffer {
  const dateKey = hmac(`AWS4${secret}`, date);
  return hmac(hmac(hmac(dateKey, region), service), 'aws4_request');
}

function hmac(key: string | Uint8Array, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/** SHA-256 in hex. A string is taken as bytes (Latin-1), as it came off the wire. */
export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', typeof data === 'string' ? Buffer.from(data, 'latin1') : data, 'hex');
}

/** The signature of a text by a signing key, in hex. */
export function signText(key: Uint8Array, text: string): string {
  return mac(key, text).toString('hex');
}

function mac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'latin1').digest();
}

/** Compares the signature given in hex with that of `text`, in time that does not depend on either. */
export function signatureMatches(key: Uint8Array, text: string, signature: string): boolean {
  const expected = mac(key, text);
  const given = Buffer.from(signature, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
