const epochAt = 12;

/** The epoch of the domain key that wraps a key token: it stands in the token in clear. */
export function epochOf(token: Uint8Array): number {
  return Buffer.from(token.buffer, token.byteOffset, token.byteLength).readUInt32BE(epochAt);
}
