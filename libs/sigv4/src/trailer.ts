import type { ChunkSignatures } from './chunk-signature.js';
import { AuthError } from './errors.js';

/** Fields behind the last chunk, by lower-case name: `x-amz-checksum-…`. */
export type Trailer = ReadonlyMap<string, string>;

const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/;
const signatureName = 'x-amz-trailer-signature';

/** Reads the trailer's lines; with `signatures`, its last field must be the signature over the others. */
export function readTrailer(lines: readonly string[], signatures: ChunkSignatures | undefined): Trailer {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const match = field.exec(line);
    const name = match?.[1]?.toLowerCase();
    if (name === undefined || fields.has(name) || fields.has(signatureName)) throw new AuthError('MalformedTrailer');
    fields.set(name, match?.[2] ?? '');
  }
  if (signatures && fields.size > 0) checkSignature(fields, signatures);
  return fields;
}

function checkSignature(fields: Map<string, string>, signatures: ChunkSignatures): void {
  const signature = fields.get(signatureName);
  if (signature === undefined || !/^[0-9a-f]{64}$/.test(signature)) throw new AuthError('MalformedTrailer');
  fields.delete(signatureName);
  const canonical = Array.from(fields, ([name, value]) => `${name}:${value}\n`).join('');
  signatures.endTrailer(canonical, signature);
}
