/** A big-endian integer. By bytes, because BigInt's own parser takes a string, which nobody can overwrite. */
export function fromBytes(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/** A non-negative integer as big-endian bytes. */
export function toBytes(value: bigint, length: number): Buffer {
  const out = Buffer.alloc(length);
  for (let i = length - 1, rest = value; i >= 0; i--, rest >>= 8n) out[i] = Number(rest & 0xffn);
  return out;
}
