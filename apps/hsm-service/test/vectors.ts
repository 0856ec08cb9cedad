import { readFileSync } from 'node:fs';

export const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** Reads a file of test vectors that all implementations share. */
export function vectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../vectors/${name}`, import.meta.url), 'utf8'));
}

/** The vectors of the reference that concern the HSM. */
export const reference = vectors('crypto-vectors.json') as {
  material_id: { material: string; key_id: string; out: string };
  ec: { in: Record<string, string>; out: string };
  blob: { hbk: string; N: string; pt: string; out: string; context: Record<string, string>; key_id: string };
  token: {
    [field in 'dk' | 'salt' | 'nonce' | 'material' | 'out' | 'domain' | 'account' | 'key_id']: string;
  } & { [field in 'usage' | 'spec' | 'origin' | 'flags' | 'epoch' | 'created_ms' | 'generation']: number };
  recipient_kwp: { kek: string; rws: string; out: string };
};

/** Every copy of `bytes` with one bit turned over. */
export function* bitFlips(bytes: Uint8Array): Generator<Buffer> {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    yield flipped;
  }
}
