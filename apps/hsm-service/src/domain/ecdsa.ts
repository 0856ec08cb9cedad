import { createECDH, randomBytes, type KeyObject } from 'node:crypto';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { consuming } from './bytes.js';
import { der, DerReader, derInteger, INTEGER, OCTET_STRING, SEQUENCE } from './der.js';
import { fromBytes, toBytes } from './integers.js';
import { kdf } from './kdf.js';

// noble by OpenSSL's names. It only ever sees public values here: group orders, public keys and signatures.
const CURVES = { prime256v1: p256, secp384r1: p384, secp521r1: p521, secp256k1 } as const;

/**
 * Signs a ready digest by ECDSA (FIPS 186-5 §6.4), which node:crypto cannot; the signature is DER.
 * The digest may not be longer than the order of the curve. See ADR 0021 for what runs in OpenSSL and what does not.
 */
export function ecdsaSignDigest(curve: string, pkcs8: Uint8Array, digest: Uint8Array): Buffer {
  const d = privateScalar(pkcs8);
  for (;;) {
    const signature = consuming(nonce(curve, d, digest), (k) => signWith(curve, { d, k }, digest));
    if (signature) return signature;
  }
}

/** A private key and a nonce, big-endian, as long as the order of the curve. */
export interface SigningScalars {
  readonly d: Buffer;
  readonly k: Buffer;
}

/** A signature with this nonce; undefined for the few nonces that do not do. Exported for the campaign that measures it. */
export function signWith(curve: string, { d, k }: SigningScalars, digest: Uint8Array): Buffer | undefined {
  const { Fn } = curveOf(curve).Point;
  const [n, length] = [Fn.ORDER, Fn.BYTES];
  if (!isBelow(k, n)) return undefined;
  const r = xOf(curve, k, length) % n;
  // Blinded: neither k nor d meets arithmetic whose time depends on its value.
  const b = randomScalar(n, length);
  const blinded = (b * fromBytes(digest) + ((b * evenly(d, n)) % n) * r) % n;
  const s = (Fn.inv((b * evenly(k, n)) % n) * blinded) % n;
  if (r === 0n || s === 0n) return undefined;
  return der(SEQUENCE, derInteger(toBytes(r, length)), derInteger(toBytes(s, length)));
}

/** Verifies a DER signature of a ready digest. */
export function ecdsaVerifyDigest(curve: string, key: KeyObject, digest: Uint8Array, signature: Uint8Array): boolean {
  const { Point, verify } = curveOf(curve);
  const { BYTES } = Point.Fn;
  const compact = compactSignature(signature, BYTES);
  if (!compact) return false;
  const point = (key.export({ format: 'der', type: 'spki' }) as Buffer).subarray(-1 - 2 * Point.Fp.BYTES);
  return verify(compact, digest, point, { prehash: false, lowS: false, format: 'compact' });
}

/** r and s as fixed-length integers; undefined for anything but minimal DER of two positive integers. */
function compactSignature(signature: Uint8Array, length: number): Buffer | undefined {
  try {
    const reader = new DerReader(new DerReader(signature).next(SEQUENCE));
    const [r, s] = [reader.next(INTEGER), reader.next(INTEGER)];
    const canonical = der(SEQUENCE, derInteger(r), derInteger(s));
    if (!canonical.equals(signature)) return undefined;
    return Buffer.concat([toBytes(fromBytes(r), length), toBytes(fromBytes(s), length)]);
  } catch {
    return undefined;
  }
}

/** x of k·G, by OpenSSL in constant time. */
function xOf(curve: string, k: Buffer, length: number): bigint {
  const ecdh = createECDH(curve);
  ecdh.setPrivateKey(k);
  return fromBytes(ecdh.getPublicKey().subarray(1, 1 + length));
}

/**
 * A hedged nonce, unpredictable if either the random bytes or the key is. One that is not below the order is drawn again
 * (FIPS 186-5 A.3.2): nothing divides it.
 */
function nonce(curve: string, d: Buffer, digest: Uint8Array): Buffer {
  const { BITS, BYTES } = curveOf(curve).Point.Fn;
  const k = kdf(d, 'keystead/v1/ecdsa-nonce', Buffer.concat([randomBytes(32), digest]), BYTES);
  k[0] = (k[0] as number) & (0xff >> (8 * BYTES - BITS));
  return k;
}

const ONE = Buffer.from([1]);

/** 256^length + value: a BigInt has as many digits as its value needs, and this value needs the same for all secrets. */
function raised(secret: Buffer): bigint {
  return consuming(Buffer.concat([ONE, secret]), fromBytes);
}

/** A number congruent to the secret modulo n, of a length that does not tell the secret's. */
function evenly(secret: Buffer, n: bigint): bigint {
  return raised(secret) + n - ((1n << BigInt(8 * secret.length)) % n);
}

/** secret < n, by a subtraction of numbers of full length. */
function isBelow(secret: Buffer, n: bigint): boolean {
  const bits = BigInt(8 * secret.length + 8);
  const limit = (1n << bits) + (1n << BigInt(8 * secret.length)) + n - 1n;
  return (limit - raised(secret)) >> bits === 1n;
}

function randomScalar(n: bigint, length: number): bigint {
  return consuming(randomBytes(length + 16), (bytes) => (fromBytes(bytes) % (n - 1n)) + 1n);
}

/** The private scalar in a PKCS#8 key (RFC 5958, RFC 5915), sharing its memory. */
function privateScalar(pkcs8: Uint8Array): Buffer {
  const outer = new DerReader(new DerReader(pkcs8).next(SEQUENCE));
  outer.next(INTEGER);
  outer.next(SEQUENCE);
  const inner = new DerReader(new DerReader(outer.next(OCTET_STRING)).next(SEQUENCE));
  inner.next(INTEGER);
  return inner.next(OCTET_STRING);
}

function curveOf(name: string): (typeof CURVES)[keyof typeof CURVES] {
  const curve = CURVES[name as keyof typeof CURVES] as (typeof CURVES)[keyof typeof CURVES] | undefined;
  if (!curve) throw new RangeError(`curve ${name} is unknown`);
  return curve;
}
