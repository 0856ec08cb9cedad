import { timingSafeEqual } from 'node:crypto';
import { exactly } from './bytes.js';
import { kdf } from './kdf.js';

/** AWS's KeySpec values, numbered as in key tokens. */
export const KEY_SPECS = [
  'SYMMETRIC_DEFAULT',
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'ECC_SECG_P256K1',
  'ECC_NIST_EDWARDS25519',
  'HMAC_224',
  'HMAC_256',
  'HMAC_384',
  'HMAC_512',
  'SM2',
  'ML_DSA_44',
  'ML_DSA_65',
  'ML_DSA_87',
  'ML_KEM_512',
  'ML_KEM_768',
  'ML_KEM_1024',
] as const;

export const SYMMETRIC_DEFAULT = 1;

/** Bits of the usage byte of a token. A key of a user has exactly one of the first four or the last. */
export const usages = {
  ENCRYPT_DECRYPT: 0x01,
  SIGN_VERIFY: 0x02,
  GENERATE_VERIFY_MAC: 0x04,
  KEY_AGREEMENT: 0x08,
  IMPORT_WRAP: 0x10,
  INTERNAL: 0x20,
  ENCAPSULATE_DECAPSULATE: 0x40,
} as const;

export const USAGE_MASK = 0x7f;

/** Length of a material id. */
export const MATERIAL_ID_BYTES = 32;

/** Name of a material under a key id, and its commitment: nobody finds two materials with one name. */
export function materialId(material: Uint8Array, keyId: Uint8Array): Buffer {
  exactly(keyId, 16, 'key id');
  return kdf(material, 'keystead/v1/material-id', keyId, MATERIAL_ID_BYTES);
}

/** Whether `material` has the name `id`, in time that does not depend on where they differ. */
export function isMaterial(material: Uint8Array, keyId: Uint8Array, id: Uint8Array): boolean {
  return timingSafeEqual(materialId(material, keyId), id);
}

/** Bytes that a plaintext of this spec has, where the spec fixes it. */
export function fixedMaterialBytes(spec: number): number | undefined {
  return MATERIAL_BYTES[KEY_SPECS[spec - 1] ?? ''];
}

const MATERIAL_BYTES: Readonly<Record<string, number>> = {
  SYMMETRIC_DEFAULT: 32,
  HMAC_224: 28,
  HMAC_256: 32,
  HMAC_384: 48,
  HMAC_512: 64,
  ML_DSA_44: 32,
  ML_DSA_65: 32,
  ML_DSA_87: 32,
  ML_KEM_512: 64,
  ML_KEM_768: 64,
  ML_KEM_1024: 64,
};
