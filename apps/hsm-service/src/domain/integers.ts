/** A big-endian integer. By bytes, because BigInt's own parser takes a string, which nobody can overwrite. */
export function fromBytes(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/** A non-negative integer that fits as big-endian bytes. Throws RangeError for any other. */
export function toBytes(value: bigint, length: number): Buffer {
  const out = Buffer.alloc(length);
  let rest = value;
  for (let i = length - 1; i >= 0; i--, rest >>= 8n) out[i] = Number(rest & 0xffn);
  if (rest !== 0n) throw new RangeError('integer: it does not fit');
  return out;
}
