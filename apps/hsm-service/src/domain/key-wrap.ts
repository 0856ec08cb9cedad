import { createCipheriv, createDecipheriv } from 'node:crypto';
import { exactly } from './bytes.js';

// RFC 5649 §3: the alternative initial value of AES key wrap with padding.
const AIV = Buffer.from('a65959a6', 'hex');
const SECRET_BYTES = 32;

/** Bytes of a wrapped 32-byte secret. */
export const WRAPPED_BYTES = 40;

/** Wraps a 32-byte secret under a 32-byte key by AES-KWP (RFC 5649). */
export function wrapSecret(kek: Uint8Array, secret: Uint8Array): Buffer {
  exactly(secret, SECRET_BYTES, 'secret');
  const cipher = createCipheriv('id-aes256-wrap-pad', kek, AIV);
  return Buffer.concat([cipher.update(secret), cipher.final()]);
}

/** The 32-byte secret; undefined if the key is another one or the bytes were changed. */
export function unwrapSecret(kek: Uint8Array, wrapped: Uint8Array): Buffer | undefined {
  // OpenSSL also unwraps some lengths that RFC 5649 does not allow, so the length is checked first.
  exactly(wrapped, WRAPPED_BYTES, 'wrapped secret');
  const cipher = createDecipheriv('id-aes256-wrap-pad', kek, AIV);
  try {
    const secret = Buffer.concat([cipher.update(wrapped), cipher.final()]);
    return secret.length === SECRET_BYTES ? secret : undefined;
  } catch {
    return undefined;
  }
}
