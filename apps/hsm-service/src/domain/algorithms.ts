import { KeysteadError } from '@keystead/errors';
import { keySpec, type KeySpec, type SpecName } from './key-specs.js';

/** How a signature is made. */
export type SignatureScheme = 'pss' | 'pkcs1' | 'ecdsa' | 'ml-dsa' | 'ed25519' | 'ed25519ph';

/** One of AWS's signing algorithms. */
export interface SigningAlgorithm {
  readonly name: string;
  readonly scheme: SignatureScheme;
  /** OpenSSL's name of the hash, and its length in bytes. */
  readonly hash: string;
  readonly digestBytes: number;
  /** The specs whose keys sign this way. */
  readonly specs: readonly SpecName[];
}

/** The message of Sign and Verify as its sender means it; the codes of the contract. */
export const messageTypes = { RAW: 1, DIGEST: 2, EXTERNAL_MU: 3 } as const;

/** FIPS 204: bytes of the message representative. */
const MU_BYTES = 64;
const MAX_MESSAGE_BYTES = 4096;

const RSA: readonly SpecName[] = ['RSA_2048', 'RSA_3072', 'RSA_4096'];
const sha = (bits: 256 | 384 | 512): { hash: string; digestBytes: number } => ({
  hash: `sha${bits}`,
  digestBytes: bits / 8,
});
const pss = (bits: 256 | 384 | 512): SigningAlgorithm => ({
  ...{ name: `RSASSA_PSS_SHA_${bits}`, scheme: 'pss', ...sha(bits), specs: RSA },
});
const pkcs1 = (bits: 256 | 384 | 512): SigningAlgorithm => ({
  ...{ name: `RSASSA_PKCS1_V1_5_SHA_${bits}`, scheme: 'pkcs1', ...sha(bits), specs: RSA },
});
const ecdsa = (bits: 256 | 384 | 512, ...specs: SpecName[]): SigningAlgorithm => ({
  ...{ name: `ECDSA_SHA_${bits}`, scheme: 'ecdsa', ...sha(bits), specs },
});
const SM2: SigningAlgorithm = { name: 'SM2DSA', scheme: 'ecdsa', hash: 'sm3', digestBytes: 32, specs: [] };
const ML_DSA: SigningAlgorithm = {
  ...{ name: 'ML_DSA_SHAKE_256', scheme: 'ml-dsa', hash: 'shake256', digestBytes: MU_BYTES },
  specs: ['ML_DSA_44', 'ML_DSA_65', 'ML_DSA_87'],
};
const ed25519 = (scheme: 'ed25519' | 'ed25519ph', name: string): SigningAlgorithm => ({
  ...{ name, scheme, ...sha(512), specs: ['ECC_NIST_EDWARDS25519'] },
});

// In the order of the codes of the contract, from 1.
const SIGNING: readonly SigningAlgorithm[] = [
  ...[pss(256), pss(384), pss(512), pkcs1(256), pkcs1(384), pkcs1(512)],
  ecdsa(256, 'ECC_NIST_P256', 'ECC_SECG_P256K1'),
  ecdsa(384, 'ECC_NIST_P384'),
  ecdsa(512, 'ECC_NIST_P521'),
  SM2,
  ML_DSA,
  ed25519('ed25519', 'ED25519_SHA_512'),
  ed25519('ed25519ph', 'ED25519_PH_SHA_512'),
];

/** The signing algorithm of a code. Throws InvalidKeyUsage if keys of this spec do not sign that way. */
export function signingAlgorithm(code: number, spec: KeySpec): SigningAlgorithm {
  const algorithm = SIGNING[code - 1];
  if (!algorithm) throw new KeysteadError('Validation', 'SigningAlgorithm is unknown.');
  if (!algorithm.specs.includes(spec.name)) throw incompatible(algorithm.name, spec);
  return algorithm;
}

/** Checks a message against its type, and says whether it goes into the signature as it is (DIGEST, EXTERNAL_MU). */
export function isPrepared(algorithm: SigningAlgorithm, type: number, message: Uint8Array): boolean {
  const { scheme, name, digestBytes } = algorithm;
  const raw = type === 0 || type === messageTypes.RAW;
  if (!raw && type !== messageTypes.DIGEST && type !== messageTypes.EXTERNAL_MU) {
    throw new KeysteadError('Validation', 'MessageType is unknown.');
  }
  const prepared = scheme === 'ml-dsa' ? messageTypes.EXTERNAL_MU : messageTypes.DIGEST;
  const fits = raw ? scheme !== 'ed25519ph' : scheme !== 'ed25519' && type === prepared;
  if (!fits) throw new KeysteadError('Validation', `MessageType is not compatible with signing algorithm ${name}.`);
  if (raw) within(message, MAX_MESSAGE_BYTES, 'message');
  else if (message.length !== digestBytes) {
    throw new KeysteadError('Validation', `Digest is invalid length for algorithm ${name}.`);
  }
  return !raw;
}

/** The hash of OAEP for an encryption algorithm of the contract, or undefined for SYMMETRIC_DEFAULT. */
export function oaepHash(code: number | undefined, spec: KeySpec): 'sha1' | 'sha256' | undefined {
  const algorithm = ENCRYPTION[code ?? 0];
  if (!algorithm) throw new KeysteadError('Validation', 'EncryptionAlgorithm is unknown.');
  if (algorithm.kind !== spec.kind) throw incompatible(algorithm.name, spec);
  return algorithm.hash;
}

const symmetric = { name: 'SYMMETRIC_DEFAULT', kind: 'symmetric', hash: undefined } as const;
const ENCRYPTION = [
  ...[symmetric, symmetric],
  { name: 'RSAES_OAEP_SHA_1', kind: 'rsa', hash: 'sha1' },
  { name: 'RSAES_OAEP_SHA_256', kind: 'rsa', hash: 'sha256' },
  { name: 'SM2PKE', kind: 'sm2', hash: undefined },
] as const;

const MACS: readonly SpecName[] = ['HMAC_224', 'HMAC_256', 'HMAC_384', 'HMAC_512'];

/** The hash of a MAC algorithm of the contract. Throws InvalidKeyUsage if it is not the one of this spec. */
export function macHash(code: number, spec: KeySpec): string {
  const name = MACS[code - 1];
  if (!name) throw new KeysteadError('Validation', 'MacAlgorithm is unknown.');
  if (name !== spec.name) throw incompatible(name.replace('_', '_SHA_'), spec);
  return keySpec(spec.code).hash as string;
}

/** Throws Validation for an empty argument, or one that is longer than `max` bytes. */
export function within({ length }: Uint8Array, max: number, name: string): void {
  if (length < 1 || length > max) throw new KeysteadError('Validation', `${name}: 1 to ${max} bytes wanted.`);
}

function incompatible(algorithm: string, spec: KeySpec): KeysteadError {
  return new KeysteadError('InvalidKeyUsage', `Algorithm ${algorithm} is incompatible with key spec ${spec.name}.`);
}
