import { KeysteadError } from '@keystead/errors';
import { KEY_SPECS, usages } from './material.js';

/** One of AWS's KeySpec values. */
export type SpecName = (typeof KEY_SPECS)[number];

/** What the keys of a spec are made of. */
export type KeyKind = 'symmetric' | 'rsa' | 'ec' | 'ed25519' | 'hmac' | 'ml-dsa' | 'ml-kem';

/** One key spec: what it is, and what its keys may be used for. */
export interface KeySpec {
  /** The code in tokens, 1 to 20. */
  readonly code: number;
  readonly name: SpecName;
  readonly kind: KeyKind;
  /** Values of `usages`; a key has exactly one of them. */
  readonly usages: readonly number[];
  /** Bits of an RSA modulus. */
  readonly modulusBits?: number;
  /** OpenSSL's name of an elliptic curve. */
  readonly curve?: string;
  /** The hash of an HMAC key. */
  readonly hash?: string;
}

const { ENCRYPT_DECRYPT, SIGN_VERIFY, GENERATE_VERIFY_MAC, KEY_AGREEMENT, ENCAPSULATE_DECAPSULATE } = usages;

const rsa = (modulusBits: number): Shape => ({ kind: 'rsa', usages: [ENCRYPT_DECRYPT, SIGN_VERIFY], modulusBits });
const nist = (curve: string): Shape => ({ kind: 'ec', usages: [SIGN_VERIFY, KEY_AGREEMENT], curve });
const hmac = (hash: string): Shape => ({ kind: 'hmac', usages: [GENERATE_VERIFY_MAC], hash });
const mlDsa: Shape = { kind: 'ml-dsa', usages: [SIGN_VERIFY] };
const mlKem: Shape = { kind: 'ml-kem', usages: [ENCAPSULATE_DECAPSULATE] };

type Shape = Omit<KeySpec, 'code' | 'name'>;

const SHAPES: Readonly<Record<Exclude<SpecName, 'SM2'>, Shape>> = {
  SYMMETRIC_DEFAULT: { kind: 'symmetric', usages: [ENCRYPT_DECRYPT] },
  RSA_2048: rsa(2048),
  RSA_3072: rsa(3072),
  RSA_4096: rsa(4096),
  ECC_NIST_P256: nist('prime256v1'),
  ECC_NIST_P384: nist('secp384r1'),
  ECC_NIST_P521: nist('secp521r1'),
  ECC_SECG_P256K1: { kind: 'ec', usages: [SIGN_VERIFY], curve: 'secp256k1' },
  ECC_NIST_EDWARDS25519: { kind: 'ed25519', usages: [SIGN_VERIFY] },
  HMAC_224: hmac('sha224'),
  HMAC_256: hmac('sha256'),
  HMAC_384: hmac('sha384'),
  HMAC_512: hmac('sha512'),
  ML_DSA_44: mlDsa,
  ML_DSA_65: mlDsa,
  ML_DSA_87: mlDsa,
  ML_KEM_512: mlKem,
  ML_KEM_768: mlKem,
  ML_KEM_1024: mlKem,
};

// Made once: every operation asks for one. Undefined for SM2.
const SPECS: readonly (KeySpec | undefined)[] = KEY_SPECS.map((name, at) =>
  name === 'SM2' ? undefined : Object.freeze({ code: at + 1, name, ...SHAPES[name] }),
);

/** The spec of a code. Throws UnsupportedOperation for SM2, which AWS offers in China only, and Validation for others. */
export function keySpec(code: number): KeySpec {
  const spec = SPECS[code - 1];
  if (spec) return spec;
  if (KEY_SPECS[code - 1] === undefined) throw new KeysteadError('Validation', 'KeySpec is unknown.');
  throw new KeysteadError('UnsupportedOperation', 'KeySpec SM2 is offered in China Regions only.');
}

/** The spec of a new key. Throws Validation if its keys cannot have this usage. */
export function keySpecFor(code: number, usage: number): KeySpec {
  const spec = keySpec(code);
  if (spec.usages.includes(usage)) return spec;
  throw new KeysteadError('Validation', `KeyUsage ${usageName(usage)} is not compatible with KeySpec ${spec.name}`);
}

/** AWS's name of a usage. */
export function usageName(usage: number): string {
  return Object.entries(usages).find(([, value]) => value === usage)?.[0] ?? 'unknown';
}

/** Whether keys of this spec have a public half. */
export function isAsymmetric({ kind }: KeySpec): boolean {
  return kind !== 'symmetric' && kind !== 'hmac';
}
