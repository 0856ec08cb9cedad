import { createHash, randomBytes, type KeyObject } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { consuming } from './bytes.js';
import { DerReader, INTEGER, OCTET_STRING, SEQUENCE } from './der.js';
import { fromBytes, toBytes } from './integers.js';
import { privateKeyOf, publicDer } from './key-pairs.js';

// RFC 8032 §2, dom2(1, ""): what separates Ed25519ph from Ed25519.
const DOM2 = Buffer.concat([Buffer.from('SigEd25519 no Ed25519 collisions', 'latin1'), Buffer.from([1, 0])]);
const L = ed25519.Point.Fn.ORDER;

/**
 * Signs the SHA-512 digest of a message by Ed25519ph (RFC 8032 §5.1), which OpenSSL 3.0 does not have.
 * `prehash` is 64 bytes; the signature is deterministic and has 64 bytes.
 */
export function ed25519phSign(pkcs8: Uint8Array, prehash: Uint8Array): Buffer {
  return consuming(sha512(seedOf(pkcs8)), (secret) => {
    const s = clamped(secret.subarray(0, 32));
    const publicKey = publicDer(privateKeyOf(pkcs8)).subarray(-32);
    const r = consuming(sha512(DOM2, secret.subarray(32), prehash), littleEndian) % L;
    // noble's multiplication takes the same steps whatever the scalar.
    const commitment = Buffer.from(ed25519.Point.BASE.multiply(r).toBytes());
    const k = littleEndian(sha512(DOM2, commitment, publicKey, prehash)) % L;
    // Blinded: s meets arithmetic whose time depends on its value only in the company of a random number.
    const b = consuming(randomBytes(48), fromBytes) % L;
    const answer = (((k * ((s + b) % L)) % L) + r + (L - ((k * b) % L))) % L;
    return Buffer.concat([commitment, toBytes(answer, 32).reverse()]);
  });
}

/** Verifies an Ed25519ph signature of a SHA-512 digest. */
export function ed25519phVerify(key: KeyObject, prehash: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  const publicKey = (key.export({ format: 'der', type: 'spki' }) as Buffer).subarray(-32);
  const [commitment, s] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))];
  if (s >= L) return false; // malleable
  try {
    const [point, R] = [ed25519.Point.fromBytes(publicKey), ed25519.Point.fromBytes(commitment)];
    const k = littleEndian(sha512(DOM2, commitment, publicKey, prehash)) % L;
    return ed25519.Point.BASE.multiplyUnsafe(s).equals(R.add(point.multiplyUnsafe(k)));
  } catch {
    return false;
  }
}

function clamped(half: Buffer): bigint {
  half[0] = (half[0] as number) & 0xf8;
  half[31] = ((half[31] as number) & 0x7f) | 0x40;
  return littleEndian(half);
}

function littleEndian(bytes: Uint8Array): bigint {
  return consuming(Buffer.from(bytes).reverse(), fromBytes);
}

function sha512(...parts: Uint8Array[]): Buffer {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The 32-byte seed in a PKCS#8 key (RFC 8410 §7), sharing its memory. */
function seedOf(pkcs8: Uint8Array): Buffer {
  const reader = new DerReader(new DerReader(pkcs8).next(SEQUENCE));
  reader.next(INTEGER);
  reader.next(SEQUENCE);
  return new DerReader(reader.next(OCTET_STRING)).next(OCTET_STRING);
}
