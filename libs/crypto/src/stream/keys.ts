import { hkdfExpandSha512 } from '../hash.js';
import { COMMITMENT_SIZE, SALT_SIZE } from './profile.js';
import type { Profile } from './profile.js';

const NONCE_SIZE = 12;

/** The keys of one segment. */
export interface SegmentKeys {
  readonly key: Buffer;
  readonly baseNonce: Buffer;
  readonly commitment: Buffer;
}

/** Derives the keys of one segment from a data key, the segment's salt and its context. */
export function segmentKeys(profile: Profile, dataKey: Uint8Array, salt: Uint8Array, context: Uint8Array): SegmentKeys {
  if (dataKey.length !== profile.keySize) throw new RangeError(`data key must have ${profile.keySize} bytes`);
  if (salt.length !== SALT_SIZE) throw new RangeError(`salt must have ${SALT_SIZE} bytes`);
  const info = Buffer.concat([Buffer.from(profile.label, 'utf8'), Uint8Array.of(0), salt, context]);
  const nonceEnd = profile.keySize + NONCE_SIZE;
  const out = hkdfExpandSha512(dataKey, info, nonceEnd + COMMITMENT_SIZE);
  return {
    key: out.subarray(0, profile.keySize),
    baseNonce: out.subarray(profile.keySize, nonceEnd),
    commitment: out.subarray(nonceEnd),
  };
}

/** The nonce of chunk `index`: the base nonce XOR the index as a 96-bit number. */
export function chunkNonce(baseNonce: Buffer, index: number): Buffer {
  if (!Number.isInteger(index) || index < 0 || index > 0xffff_ffff) throw new RangeError('chunk index out of range');
  const nonce = Buffer.from(baseNonce);
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ index) >>> 0, 8);
  return nonce;
}
