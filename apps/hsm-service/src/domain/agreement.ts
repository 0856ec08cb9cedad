import { createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { view } from './bytes.js';

/**
 * ECDH (SP 800-56A): the x coordinate of the shared point; undefined if `peer` is not the canonical DER of an
 * uncompressed point on the curve of the key. The comparison with our own SubjectPublicKeyInfo refuses parameters
 * that are written out instead of named, which OpenSSL would believe.
 */
export function sharedSecret(privateKey: KeyObject, own: Uint8Array, peer: Uint8Array): Buffer | undefined {
  const prefix = view(own).subarray(0, pointOffset(own));
  if (peer.length !== own.length || !view(peer).subarray(0, prefix.length).equals(prefix)) return undefined;
  try {
    const publicKey = createPublicKey({ key: Buffer.from(peer), format: 'der', type: 'spki' });
    if (!publicKey.export({ format: 'der', type: 'spki' }).equals(peer)) return undefined;
    return diffieHellman({ privateKey, publicKey });
  } catch {
    return undefined; // not on the curve
  }
}

/** Where the coordinates begin, after the tag of an uncompressed point: 64, 96 or 132 bytes before the end. */
function pointOffset({ length }: Uint8Array): number {
  const coordinates = length > 140 ? 132 : length > 100 ? 96 : 64;
  return length - coordinates;
}
