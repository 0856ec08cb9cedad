/** AWS's KeyUsage. */
export type KeyUsage =
  'ENCRYPT_DECRYPT' | 'SIGN_VERIFY' | 'GENERATE_VERIFY_MAC' | 'KEY_AGREEMENT' | 'ENCAPSULATE_DECAPSULATE';

type Algorithms = Partial<Record<KeyUsage, readonly string[]>>;

const oaep = ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'];
const rsaSignatures = [
  ...['RSASSA_PKCS1_V1_5_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_384', 'RSASSA_PKCS1_V1_5_SHA_512'],
  ...['RSASSA_PSS_SHA_256', 'RSASSA_PSS_SHA_384', 'RSASSA_PSS_SHA_512'],
];
const rsa: Algorithms = { ENCRYPT_DECRYPT: oaep, SIGN_VERIFY: rsaSignatures };
const nist = (hash: number): Algorithms => ({ SIGN_VERIFY: [`ECDSA_SHA_${hash}`], KEY_AGREEMENT: ['ECDH'] });
const hmac = (bits: number): Algorithms => ({ GENERATE_VERIFY_MAC: [`HMAC_SHA_${bits}`] });
const mlDsa: Algorithms = { SIGN_VERIFY: ['ML_DSA_SHAKE_256'] };
const mlKem: Algorithms = { ENCAPSULATE_DECAPSULATE: ['ML_KEM'] };

/**
 * Which usages a spec has, and which algorithms each.
 * https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
 */
const table: Readonly<Record<string, Algorithms>> = {
  SYMMETRIC_DEFAULT: { ENCRYPT_DECRYPT: ['SYMMETRIC_DEFAULT'] },
  RSA_2048: rsa,
  RSA_3072: rsa,
  RSA_4096: rsa,
  ECC_NIST_P256: nist(256),
  ECC_NIST_P384: nist(384),
  ECC_NIST_P521: nist(512),
  ECC_SECG_P256K1: { SIGN_VERIFY: ['ECDSA_SHA_256'] },
  ECC_NIST_EDWARDS25519: { SIGN_VERIFY: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'] },
  HMAC_224: hmac(224),
  HMAC_256: hmac(256),
  HMAC_384: hmac(384),
  HMAC_512: hmac(512),
  // AWS has it in China Regions only.
  SM2: { ENCRYPT_DECRYPT: ['SM2PKE'], SIGN_VERIFY: ['SM2DSA'], KEY_AGREEMENT: ['ECDH'] },
  ML_DSA_44: mlDsa,
  ML_DSA_65: mlDsa,
  ML_DSA_87: mlDsa,
  ML_KEM_512: mlKem,
  ML_KEM_768: mlKem,
  ML_KEM_1024: mlKem,
};

const none: Algorithms = {};

/** The algorithms of a key; undefined when the spec does not have that usage. */
export function algorithmsOf(spec: string, usage: string): readonly string[] | undefined {
  const algorithms = Object.hasOwn(table, spec) ? table[spec] : none;
  return algorithms?.[usage as KeyUsage];
}

/** Every spec that AWS has. */
export const keySpecs: readonly string[] = Object.keys(table);

/** True for keys with a public half. */
export function isAsymmetric(spec: string): boolean {
  return spec !== 'SYMMETRIC_DEFAULT' && !spec.startsWith('HMAC_');
}

/** True for specs whose material its owner may bring: all but the post-quantum ones. */
export function isImportable(spec: string): boolean {
  return !spec.startsWith('ML_');
}
