import { sign, verify, type KeyObject } from 'node:crypto';
import { sharedSecret } from './agreement.js';
import type { SigningAlgorithm } from './algorithms.js';
import { ecdsaSignDigest, ecdsaVerifyDigest } from './ecdsa.js';
import { ecdsaSign } from './ecdsa-signer.js';
import { ed25519phSign, ed25519phVerify } from './ed25519.js';
import { unwrapMaterial, type ImportedMaterial, type Wrapped } from './import-material.js';
import { generateKeyPair, type KeyPair } from './key-pairs.js';
import type { KeySpec } from './key-specs.js';
import { decapsulate, encapsulate, mlDsaSign, mlDsaVerify, publicKeyOfSeed } from './post-quantum.js';
import { makeCertificate, openTransfer, sealTransfer } from './transfer-seal.js';
import { oaepDecrypt, rsaSign, rsaSignDigest, rsaVerify, rsaVerifyDigest } from './rsa.js';

/** What is signed, and how. */
export interface Signing {
  readonly spec: KeySpec;
  readonly algorithm: SigningAlgorithm;
  readonly message: Uint8Array;
  /** Whether `message` goes into the signature as it is: a digest or mu. */
  readonly prepared: boolean;
}

/**
 * The work that takes long, as pure functions over what can be sent to a worker thread. A `material` is a copy that
 * belongs to the job and is overwritten after it; undefined as an answer means that the caller's bytes did not fit.
 */
export const jobs = {
  generateKeyPair: ({ spec }: { spec: number }): KeyPair => generateKeyPair(spec),
  publicKeyOfSeed: ({ spec, material }: { spec: KeySpec; material: Uint8Array }): Uint8Array =>
    publicKeyOfSeed(spec.name, material),
  decrypt: ({ key, hash, ciphertext }: { key: KeyObject; hash: string; ciphertext: Uint8Array }) =>
    oaepDecrypt(key, hash, ciphertext),
  sign: (what: Signing & { key: KeyObject }): Uint8Array => signWithKey(what),
  signWithMaterial: ({ material, ...what }: Signing & { material: Uint8Array }): Uint8Array =>
    signWithMaterial(material, what),
  verify: ({ key, signature, ...what }: Signing & { key: KeyObject; signature: Uint8Array }): boolean =>
    verifySignature(key, what, signature),
  verifyMlDsa: (of: Signing & { publicKey: Uint8Array; signature: Uint8Array }): boolean =>
    mlDsaVerify(of.spec.name, of.publicKey, of.message, of.signature, of.prepared),
  agree: ({ key, own, peer }: { key: KeyObject; own: Uint8Array; peer: Uint8Array }) => sharedSecret(key, own, peer),
  encapsulate: ({ spec, publicKey }: { spec: KeySpec; publicKey: Uint8Array }) => encapsulate(spec.name, publicKey),
  decapsulate: (of: { spec: KeySpec; material: Uint8Array; ciphertext: Uint8Array }) =>
    decapsulate(of.spec.name, of.material, of.ciphertext),
  unwrapMaterial: (wrapped: Wrapped): ImportedMaterial | 'unwrap' | 'material' => unwrapMaterial(wrapped),
  makeCertificate: ({ material, name }: { material: Uint8Array; name: Uint8Array }): Uint8Array =>
    makeCertificate(material, name),
  sealTransfer: (of: Parameters<typeof sealTransfer>[0]): Uint8Array => sealTransfer(of),
  openTransfer: (of: Parameters<typeof openTransfer>[0]): Uint8Array | undefined => openTransfer(of),
} as const;

export type Jobs = typeof jobs;
export type JobName = keyof Jobs;
export type JobArguments<Name extends JobName> = Parameters<Jobs[Name]>[0];
export type JobResult<Name extends JobName> = ReturnType<Jobs[Name]>;

/** Who does the work: a pool of threads, or this thread at once. */
export type Run = <Name extends JobName>(
  name: Name,
  args: JobArguments<Name>,
) => JobResult<Name> | Promise<JobResult<Name>>;

/** Does one job in this thread. */
export function runJob<Name extends JobName>(name: Name, args: JobArguments<Name>): JobResult<Name> {
  const job = jobs[name] as (args: JobArguments<Name>) => JobResult<Name>;
  return job(args);
}

function signWithKey({ key, algorithm, message, prepared }: Signing & { key: KeyObject }): Uint8Array {
  switch (algorithm.scheme) {
    case 'ecdsa':
      return ecdsaSign(algorithm.hash, message, key);
    case 'ed25519':
      return sign(null, message, key);
    default:
      return prepared ? rsaSignDigest(key, algorithm, message) : rsaSign(key, algorithm, message);
  }
}

function signWithMaterial(material: Uint8Array, { spec, algorithm, message, prepared }: Signing): Uint8Array {
  switch (algorithm.scheme) {
    case 'ecdsa':
      return ecdsaSignDigest(spec.curve as string, material, message);
    case 'ed25519ph':
      return ed25519phSign(material, message);
    default:
      return mlDsaSign(spec.name, material, message, prepared);
  }
}

/** Whether node:crypto has no way to sign with the key itself. */
export function needsMaterial({ algorithm: { scheme }, prepared }: Signing): boolean {
  return scheme === 'ml-dsa' || scheme === 'ed25519ph' || (scheme === 'ecdsa' && prepared);
}

function verifySignature(key: KeyObject, { spec, algorithm, message, prepared }: Signing, signature: Uint8Array) {
  switch (algorithm.scheme) {
    case 'ecdsa':
      return prepared
        ? ecdsaVerifyDigest(spec.curve as string, key, message, signature)
        : verify(algorithm.hash, message, key, signature);
    case 'ed25519':
      return verify(null, message, key, signature);
    case 'ed25519ph':
      return ed25519phVerify(key, message, signature);
    default:
      return prepared
        ? rsaVerifyDigest(key, algorithm, message, signature)
        : rsaVerify(key, algorithm, message, signature);
  }
}
