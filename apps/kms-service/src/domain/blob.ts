/** The overhead of a symmetric ciphertext: 60 bytes of header and 16 of tag (crypto §2.1). */
const overhead = 76;

/**
 * The material id (hex) named by a symmetric ciphertext of format 1, or undefined when the bytes are none.
 * Nothing here is trusted: the HSM authenticates the whole header.
 */
export function materialOf(blob: Uint8Array): string | undefined {
  if (blob.length <= overhead || blob[0] !== 1 || blob[1] !== 1 || blob[2] !== 0 || blob[3] !== 0) return undefined;
  return Buffer.from(blob.buffer, blob.byteOffset + 4, 32).toString('hex');
}
