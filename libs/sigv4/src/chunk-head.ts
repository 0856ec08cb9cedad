import { AuthError } from './errors.js';

const unsigned = /^([0-9a-fA-F]{1,12})$/;
const signed = /^([0-9a-fA-F]{1,12});chunk-signature=([0-9a-f]{64})$/;

/** The line before a chunk: its size in bytes and, in signed bodies, its signature. */
export function readChunkHead(line: string, isSigned: boolean): { size: number; signature: string } {
  const match = (isSigned ? signed : unsigned).exec(line);
  if (!match) throw new AuthError('InvalidChunk');
  return { size: Number.parseInt(match[1] as string, 16), signature: match[2] ?? '' };
}
