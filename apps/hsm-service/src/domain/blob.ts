import { createCipheriv, createDecipheriv, type CipherGCMOptions } from 'node:crypto';
import { KeysteadError } from '@keystead/errors';
import { consuming, exactly } from './bytes.js';
import { encodeContext, type EncryptionContext } from './context.js';
import { kdf } from './kdf.js';
import { MATERIAL_ID_BYTES } from './material.js';

// Ciphertext blob of SYMMETRIC_DEFAULT, format 1 (docs/hsm.md):
// 0x01 version | 0x01 suite | 0x0000 | material id 32 | N 24 | ciphertext | tag 16
const PREFIX = Buffer.from([1, 1, 0, 0]);
const NONCE_AT = PREFIX.length + MATERIAL_ID_BYTES;
const HEADER_BYTES = NONCE_AT + 24;
const TAG_BYTES = 16;

/** Bytes of the nonce of one message. */
export const MESSAGE_NONCE_BYTES = 24;
/** How much longer a blob is than its plaintext. */
export const BLOB_OVERHEAD = HEADER_BYTES + TAG_BYTES;

// Without authTagLength node:crypto accepts a tag of four bytes.
const GCM: CipherGCMOptions = { authTagLength: TAG_BYTES };

/**
 * Encrypts one message under a key and IV derived for it alone.
 * `nonce` is 24 fresh random bytes: 2^80 messages under one material before a collision is likelier than 2^-32.
 */
export function sealBlob(
  material: Uint8Array,
  materialId: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  context: EncryptionContext,
): Buffer {
  exactly(nonce, MESSAGE_NONCE_BYTES, 'nonce');
  const blob = Buffer.allocUnsafe(plaintext.length + BLOB_OVERHEAD);
  blob.set(PREFIX);
  blob.set(materialId, PREFIX.length);
  blob.set(nonce, NONCE_AT);
  const header = blob.subarray(0, HEADER_BYTES);
  return consuming(messageKey(material, header), (secret) => {
    const cipher = createCipheriv('aes-256-gcm', secret.subarray(0, 32), secret.subarray(32), GCM);
    cipher.setAAD(header).setAAD(encodeContext(context));
    blob.set(cipher.update(plaintext), HEADER_BYTES);
    cipher.final();
    blob.set(cipher.getAuthTag(), blob.length - TAG_BYTES);
    return blob;
  });
}

/** The material id in a blob. Throws InvalidCiphertext if this is not a blob of format 1. */
export function blobMaterialId(blob: Buffer): Buffer {
  if (blob.length < BLOB_OVERHEAD || !blob.subarray(0, PREFIX.length).equals(PREFIX)) throw invalidCiphertext();
  return blob.subarray(PREFIX.length, NONCE_AT);
}

/** Decrypts a blob. Throws InvalidCiphertext for another material, another context, or any changed bit. */
export function openBlob(
  material: Uint8Array,
  materialId: Uint8Array,
  blob: Buffer,
  context: EncryptionContext,
): Buffer {
  if (!blobMaterialId(blob).equals(materialId)) throw invalidCiphertext();
  const header = blob.subarray(0, HEADER_BYTES);
  return consuming(messageKey(material, header), (secret) => {
    const cipher = createDecipheriv('aes-256-gcm', secret.subarray(0, 32), secret.subarray(32), GCM);
    cipher
      .setAAD(header)
      .setAAD(encodeContext(context))
      .setAuthTag(blob.subarray(blob.length - TAG_BYTES));
    const plaintext = cipher.update(blob.subarray(HEADER_BYTES, blob.length - TAG_BYTES));
    return authenticated(plaintext, () => cipher.final());
  });
}

function authenticated(plaintext: Buffer, check: () => void): Buffer {
  try {
    check();
    return plaintext;
  } catch {
    plaintext.fill(0);
    throw invalidCiphertext();
  }
}

function messageKey(material: Uint8Array, header: Buffer): Buffer {
  return kdf(material, 'keystead/v1/msg', header.subarray(PREFIX.length), 44);
}

/** AWS sends InvalidCiphertextException without a message. */
function invalidCiphertext(): KeysteadError {
  return new KeysteadError('InvalidCiphertext', '');
}
