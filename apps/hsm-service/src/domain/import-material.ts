import { createDecipheriv, createPublicKey, sign, verify } from 'node:crypto';
import { consuming } from './bytes.js';
import { privateKeyOf, publicDer } from './key-pairs.js';
import { keySpec, type KeySpec } from './key-specs.js';
import { fixedMaterialBytes } from './material.js';
import { oaepDecrypt } from './rsa.js';

/** Material of somebody else, wrapped for one import. */
export interface Wrapped {
  /** PKCS#8 of the wrapping key. */
  readonly material: Uint8Array;
  readonly hash: 'sha1' | 'sha256';
  /** True for RSA_AES_KEY_WRAP, false for OAEP alone. */
  readonly keyWrap: boolean;
  readonly encrypted: Uint8Array;
  /** The spec that the material must fit. */
  readonly spec: number;
}

/** Imported material in the one form that tokens keep. */
export interface ImportedMaterial {
  /** The caller overwrites it. */
  readonly material: Uint8Array;
  /** SubjectPublicKeyInfo, or empty. */
  readonly publicKey: Uint8Array;
}

/** Unwraps material. 'unwrap': it was not wrapped for this key; 'material': it is no key of the spec. */
export function unwrapMaterial(wrapped: Wrapped): ImportedMaterial | 'unwrap' | 'material' {
  const plaintext = unwrap(wrapped);
  if (!plaintext) return 'unwrap';
  return consuming(plaintext, () => canonical(keySpec(wrapped.spec), plaintext)) ?? 'material';
}

function unwrap({ material, hash, keyWrap, encrypted }: Wrapped): Buffer | undefined {
  const key = privateKeyOf(material);
  if (!keyWrap) return oaepDecrypt(key, hash, encrypted);
  const modulusBytes = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  const aesKey = oaepDecrypt(key, hash, encrypted.subarray(0, modulusBytes));
  return aesKey && consuming(aesKey, () => unwrapPadded(aesKey, encrypted.subarray(modulusBytes)));
}

// RFC 5649 §3: the alternative initial value of AES key wrap with padding.
const AIV = Buffer.from('a65959a6', 'hex');

/** AES key unwrap with padding (RFC 5649) under a key of 16, 24 or 32 bytes; undefined if the bytes do not fit. */
export function unwrapPadded(key: Uint8Array, wrapped: Uint8Array): Buffer | undefined {
  if (key.length !== 16 && key.length !== 24 && key.length !== 32) return undefined;
  // OpenSSL also unwraps some lengths that RFC 5649 does not allow.
  if (wrapped.length < 16 || wrapped.length % 8 !== 0) return undefined;
  const cipher = createDecipheriv(`id-aes${key.length * 8}-wrap-pad`, key, AIV);
  try {
    const first = cipher.update(wrapped);
    const whole = Buffer.concat([first, cipher.final()]);
    first.fill(0);
    return whole;
  } catch {
    return undefined;
  }
}

/** The same key, encoded as this HSM encodes it, so that equal keys have equal material ids. */
function canonical(spec: KeySpec, plaintext: Buffer): ImportedMaterial | undefined {
  const fixed = fixedMaterialBytes(spec.code);
  if (fixed !== undefined) {
    return plaintext.length === fixed ? { material: Buffer.from(plaintext), publicKey: Buffer.alloc(0) } : undefined;
  }
  try {
    return privateKey(spec, plaintext);
  } catch {
    return undefined;
  }
}

function privateKey(spec: KeySpec, pkcs8: Buffer): ImportedMaterial | undefined {
  const key = privateKeyOf(pkcs8);
  const details = key.asymmetricKeyDetails;
  if (key.asymmetricKeyType !== spec.kind || details?.namedCurve !== spec.curve) return undefined;
  if (details?.modulusLength !== spec.modulusBits) return undefined;
  const publicKey = publicDer(key);
  // Parameters written out instead of named, or a compressed point, have another length.
  if (spec.curve && publicKey.length !== EC_SPKI_BYTES[spec.curve]) return undefined;
  // OpenSSL believes the public half and the CRT values in PKCS#8; one wrong value can give the key away later.
  const hash = spec.kind === 'ed25519' ? null : 'sha256';
  const publicObject = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  if (!verify(hash, PROBE, publicObject, sign(hash, PROBE, key))) return undefined;
  return { material: key.export({ format: 'der', type: 'pkcs8' }), publicKey };
}

const PROBE = Buffer.from('keystead/v1/import-probe', 'latin1');
const EC_SPKI_BYTES: Readonly<Record<string, number>> = {
  ...{ prime256v1: 91, secp256k1: 88, secp384r1: 120, secp521r1: 158 },
};
