import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { ml_kem1024, ml_kem512, ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { consuming, view } from './bytes.js';
import { der, seedPkcs8, spki } from './der.js';
import type { SpecName } from './key-specs.js';

type DsaName = 'ML_DSA_44' | 'ML_DSA_65' | 'ML_DSA_87';
type KemName = 'ML_KEM_512' | 'ML_KEM_768' | 'ML_KEM_1024';

const DSA = { ML_DSA_44: ml_dsa44, ML_DSA_65: ml_dsa65, ML_DSA_87: ml_dsa87 } satisfies Record<DsaName, unknown>;
const KEM = { ML_KEM_512: ml_kem512, ML_KEM_768: ml_kem768, ML_KEM_1024: ml_kem1024 } satisfies Record<
  KemName,
  unknown
>;

// 2.16.840.1.101.3.4.3.x (RFC 9881) and 2.16.840.1.101.3.4.4.x (RFC 9935).
const oid = (arc: number, last: number): Buffer => der(0x06, Buffer.from([0x60, 0x86, 0x48, 1, 0x65, 3, 4, arc, last]));
const OIDS: Readonly<Record<DsaName | KemName, Buffer>> = {
  ...{ ML_DSA_44: oid(3, 17), ML_DSA_65: oid(3, 18), ML_DSA_87: oid(3, 19) },
  ...{ ML_KEM_512: oid(4, 1), ML_KEM_768: oid(4, 2), ML_KEM_1024: oid(4, 3) },
};

/** Bytes of the seed of a post-quantum key: xi of ML-DSA, d and z of ML-KEM. */
export const SEED_BYTES = { 'ml-dsa': 32, 'ml-kem': 64 } as const;

/** The public key of a seed as SubjectPublicKeyInfo. */
export function publicKeyOfSeed(spec: SpecName, seed: Uint8Array): Buffer {
  const { publicKey, secretKey } = isKem(spec) ? kem(spec).keygen(seed) : dsa(spec).keygen(seed);
  secretKey.fill(0);
  return spki(OIDS[spec as DsaName | KemName], publicKey);
}

/** The seed of an ML-KEM key as PKCS#8. */
export function kemPkcs8(spec: SpecName, seed: Uint8Array): Buffer {
  return seedPkcs8(OIDS[spec as KemName], seed);
}

/** Signs by ML-DSA (FIPS 204, hedged, empty context); `isMu` says that `message` is the message representative. */
export function mlDsaSign(spec: SpecName, seed: Uint8Array, message: Uint8Array, isMu: boolean): Buffer {
  const scheme = dsa(spec);
  return consuming(scheme.keygen(seed).secretKey, (secretKey) =>
    view(isMu ? scheme.internal.sign(message, secretKey, { externalMu: true }) : scheme.sign(message, secretKey)),
  );
}

/** Verifies a signature of ML-DSA under the public key of a seed. */
export function mlDsaVerify(
  spec: SpecName,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  isMu: boolean,
): boolean {
  const scheme = dsa(spec);
  if (signature.length !== scheme.lengths.signature) return false;
  const raw = rawKey(publicKey, scheme.lengths.publicKey);
  return isMu
    ? scheme.internal.verify(signature, message, raw, { externalMu: true })
    : scheme.verify(signature, message, raw);
}

/** A fresh 32-byte secret and its capsule under a public key (FIPS 203). */
export function encapsulate(spec: SpecName, publicKey: Uint8Array): { sharedSecret: Buffer; ciphertext: Buffer } {
  const scheme = kem(spec);
  const { cipherText, sharedSecret } = scheme.encapsulate(rawKey(publicKey, scheme.lengths.publicKey));
  return { sharedSecret: view(sharedSecret), ciphertext: view(cipherText) };
}

/**
 * The secret in a capsule, by implicit rejection (FIPS 203): a wrong one gives a pseudo-random secret.
 * undefined if the capsule has a wrong length.
 */
export function decapsulate(spec: SpecName, seed: Uint8Array, ciphertext: Uint8Array): Buffer | undefined {
  const scheme = kem(spec);
  if (ciphertext.length !== scheme.lengths.cipherText) return undefined;
  return consuming(scheme.keygen(seed).secretKey, (secretKey) => view(scheme.decapsulate(ciphertext, secretKey)));
}

/** The key in a SubjectPublicKeyInfo that `publicKeyOfSeed` made: its last bytes. */
function rawKey(publicKey: Uint8Array, length: number | undefined): Uint8Array {
  return publicKey.subarray(publicKey.length - (length as number));
}

function isKem(spec: SpecName): spec is KemName {
  return Object.hasOwn(KEM, spec);
}

function dsa(spec: SpecName): (typeof DSA)[DsaName] {
  return DSA[spec as DsaName];
}

function kem(spec: SpecName): (typeof KEM)[KemName] {
  return KEM[spec as KemName];
}
