import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';

/** Wraps key material as the developer guide tells, with OpenSSL's own primitives. */
export function wrapMaterial(
  { publicKey, algorithm }: { readonly publicKey: Uint8Array; readonly algorithm: string },
  material: Uint8Array,
): Buffer {
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  const oaepHash = algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256';
  const oaep = (bytes: Uint8Array): Buffer =>
    publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, bytes);
  if (!algorithm.startsWith('RSA_AES')) return oaep(material);
  const aes = randomBytes(32);
  // RFC 5649 with its initial value.
  const cipher = createCipheriv('id-aes256-wrap-pad' as never, aes, Buffer.from('a65959a6', 'hex'));
  return Buffer.concat([oaep(aes), cipher.update(material), cipher.final()]);
}
