/** An encryption context: exact, case-sensitive, without order. */
export type EncryptionContext = Readonly<Record<string, string>>;

const EMPTY = Buffer.alloc(4);
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The bytes of a context that are authenticated with a ciphertext:
 * u32 n, then for keys sorted by their UTF-8 bytes u32 len || key || u32 len || value.
 * Length prefixes make it injective; sorting makes equal contexts equal bytes.
 */
export function encodeContext(context: EncryptionContext): Buffer {
  const keys = Object.keys(context);
  if (keys.length === 0) return EMPTY;
  const pairs = keys.map((key) => [utf8(key), utf8(context[key] ?? '')] as const);
  // JavaScript compares strings by UTF-16 unit, which differs from UTF-8 order beyond the BMP.
  pairs.sort(([a], [b]) => Buffer.compare(a, b));
  const out = Buffer.allocUnsafe(pairs.reduce((sum, [key, value]) => sum + 8 + key.length + value.length, 4));
  let at = out.writeUInt32BE(pairs.length, 0);
  for (const [key, value] of pairs) at = putField(out, putField(out, at, key), value);
  return out;
}

function putField(out: Buffer, at: number, field: Buffer): number {
  const start = out.writeUInt32BE(field.length, at);
  out.set(field, start);
  return start + field.length;
}

function utf8(text: string): Buffer {
  // A lone surrogate would become U+FFFD, and two different contexts one.
  if (LONE_SURROGATE.test(text)) throw new RangeError('encryption context: not well-formed Unicode');
  return Buffer.from(text, 'utf8');
}
