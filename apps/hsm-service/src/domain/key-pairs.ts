import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { view } from './bytes.js';
import { keySpec, type KeySpec } from './key-specs.js';
import { kemPkcs8, publicKeyOfSeed, SEED_BYTES } from './post-quantum.js';

/** A key pair as tokens keep it. */
export interface KeyPair {
  /** PKCS#8 DER, or the seed of a post-quantum key. The caller overwrites it. */
  readonly material: Uint8Array;
  /** SubjectPublicKeyInfo DER. */
  readonly publicKey: Uint8Array;
}

/** Makes a key pair; RSA-4096 takes seconds. */
export function generateKeyPair(code: number): KeyPair {
  const spec = keySpec(code);
  if (spec.kind === 'ml-dsa' || spec.kind === 'ml-kem') {
    const material = randomBytes(SEED_BYTES[spec.kind]);
    return { material, publicKey: publicKeyOfSeed(spec.name, material) };
  }
  const key = generatePrivateKey(spec);
  return { material: key.export({ format: 'der', type: 'pkcs8' }), publicKey: publicDer(key) };
}

function generatePrivateKey({ kind, curve, modulusBits }: KeySpec): KeyObject {
  if (kind === 'rsa') {
    return generateKeyPairSync('rsa', { modulusLength: modulusBits as number, publicExponent: 65_537 }).privateKey;
  }
  if (kind === 'ec') return generateKeyPairSync('ec', { namedCurve: curve as string }).privateKey;
  return generateKeyPairSync('ed25519').privateKey;
}

/** The private key of a data key pair as its owner gets it: PKCS#8. The caller overwrites it. */
export function privateKeyDer({ kind, name }: KeySpec, material: Uint8Array): Buffer {
  return kind === 'ml-kem' ? kemPkcs8(name, material) : Buffer.from(material);
}

/** Parses PKCS#8; OpenSSL keeps a copy until the object is collected. Throws for anything else. */
export function privateKeyOf(pkcs8: Uint8Array): KeyObject {
  return createPrivateKey({ key: view(pkcs8), format: 'der', type: 'pkcs8' });
}

/** SubjectPublicKeyInfo of a private key. */
export function publicDer(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' });
}
