import {
  constants,
  createHash,
  privateDecrypt,
  privateEncrypt,
  publicDecrypt,
  publicEncrypt,
  randomBytes,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import type { SigningAlgorithm } from './algorithms.js';
import { zero } from './bytes.js';

const { RSA_NO_PADDING, RSA_PKCS1_OAEP_PADDING, RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING } = constants;

/** RSA-OAEP; MGF1 uses the same hash. */
export function oaepEncrypt(key: KeyObject, oaepHash: string, plaintext: Uint8Array): Buffer {
  return publicEncrypt({ key, padding: RSA_PKCS1_OAEP_PADDING, oaepHash }, plaintext);
}

/** The plaintext; undefined if the ciphertext was not made for this key with this hash. */
export function oaepDecrypt(key: KeyObject, oaepHash: string, ciphertext: Uint8Array): Buffer | undefined {
  if (ciphertext.length !== modulusBytes(key)) return undefined;
  try {
    return privateDecrypt({ key, padding: RSA_PKCS1_OAEP_PADDING, oaepHash }, ciphertext);
  } catch {
    return undefined;
  }
}

/** The longest plaintext of OAEP (RFC 8017 §7.1.1). */
export function oaepMaxBytes(modulusBits: number, oaepHash: string): number {
  return modulusBits / 8 - 2 * (oaepHash === 'sha1' ? 20 : 32) - 2;
}

/** Signs a message; a PSS salt is as long as the digest. */
export function rsaSign(key: KeyObject, algorithm: SigningAlgorithm, message: Uint8Array): Buffer {
  return sign(algorithm.hash, message, { key, ...paddingOf(algorithm) });
}

export function rsaVerify(
  key: KeyObject,
  algorithm: SigningAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return verify(algorithm.hash, message, { key, ...paddingOf(algorithm) }, signature);
}

function paddingOf({ scheme, digestBytes }: SigningAlgorithm): { padding: number; saltLength?: number } {
  // Node's default salt is as long as fits.
  return scheme === 'pss'
    ? { padding: RSA_PKCS1_PSS_PADDING, saltLength: digestBytes }
    : { padding: RSA_PKCS1_PADDING };
}

/** Signs a ready digest, which node:crypto would hash again. */
export function rsaSignDigest(key: KeyObject, algorithm: SigningAlgorithm, digest: Uint8Array): Buffer {
  if (algorithm.scheme === 'pkcs1') {
    return privateEncrypt({ key, padding: RSA_PKCS1_PADDING }, digestInfo(algorithm, digest));
  }
  const message = encodePss(algorithm, digest, randomBytes(algorithm.digestBytes), modulusBytes(key));
  return privateEncrypt({ key, padding: RSA_NO_PADDING }, message);
}

/** Verifies a signature of a ready digest. Nothing here is secret. */
export function rsaVerifyDigest(
  key: KeyObject,
  algorithm: SigningAlgorithm,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (signature.length !== modulusBytes(key)) return false;
  const message = publicOperation(key, signature);
  if (!message) return false;
  if (algorithm.scheme === 'pss') return isPss(algorithm, digest, message);
  return message.equals(encodePkcs1(algorithm, digest, message.length));
}

function publicOperation(key: KeyObject, signature: Uint8Array): Buffer | undefined {
  try {
    return publicDecrypt({ key, padding: RSA_NO_PADDING }, signature);
  } catch {
    return undefined; // not smaller than the modulus
  }
}

function modulusBytes(key: KeyObject): number {
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
}

/** RFC 8017 §9.2, EMSA-PKCS1-v1_5: made and compared as a whole, so that there is nothing to parse. */
function encodePkcs1(algorithm: SigningAlgorithm, digest: Uint8Array, length: number): Buffer {
  const info = digestInfo(algorithm, digest);
  const padding = Buffer.alloc(length - info.length - 3, 0xff);
  return Buffer.concat([Buffer.from([0, 1]), padding, Buffer.alloc(1), info]);
}

// DER of DigestInfo up to the digest (RFC 8017 §9.2 note 1).
const DIGEST_INFO: Readonly<Record<string, string>> = {
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
};

function digestInfo({ hash }: SigningAlgorithm, digest: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(DIGEST_INFO[hash] as string, 'hex'), digest]);
}

/** RFC 8017 §9.1.1, EMSA-PSS-ENCODE for a modulus of whole bytes: emBits is one less than the bits of the modulus. */
function encodePss(algorithm: SigningAlgorithm, digest: Uint8Array, salt: Uint8Array, length: number): Buffer {
  const h = pssHash(algorithm, digest, salt);
  const block = Buffer.concat([Buffer.alloc(length - salt.length - h.length - 2), Buffer.from([1]), salt]);
  xorMask(algorithm, h, block);
  block[0] = (block[0] as number) & 0x7f;
  zero(salt);
  return Buffer.concat([block, h, Buffer.from([0xbc])]);
}

/** RFC 8017 §9.1.2, EMSA-PSS-VERIFY with a salt as long as the digest. */
function isPss(algorithm: SigningAlgorithm, digest: Uint8Array, message: Buffer): boolean {
  const { digestBytes } = algorithm;
  const zeros = message.length - 2 * digestBytes - 2;
  const block = Buffer.from(message.subarray(0, message.length - digestBytes - 1));
  const h = message.subarray(block.length, message.length - 1);
  if (message[message.length - 1] !== 0xbc || ((block[0] as number) & 0x80) !== 0) return false;
  xorMask(algorithm, h, block);
  block[0] = (block[0] as number) & 0x7f;
  if (block[zeros] !== 1 || block.subarray(0, zeros).some((byte) => byte !== 0)) return false;
  return pssHash(algorithm, digest, block.subarray(zeros + 1)).equals(h);
}

function pssHash({ hash }: SigningAlgorithm, digest: Uint8Array, salt: Uint8Array): Buffer {
  return createHash(hash).update(Buffer.alloc(8)).update(digest).update(salt).digest();
}

/** MGF1 (RFC 8017 §B.2.1), applied in place. */
function xorMask({ hash, digestBytes }: SigningAlgorithm, seed: Uint8Array, block: Buffer): void {
  const counter = Buffer.alloc(4);
  for (let at = 0, i = 0; at < block.length; at += digestBytes, i++) {
    counter.writeUInt32BE(i);
    const mask = createHash(hash).update(seed).update(counter).digest();
    const end = Math.min(at + digestBytes, block.length);
    for (let j = at; j < end; j++) block[j] = (block[j] as number) ^ (mask[j - at] as number);
  }
}
