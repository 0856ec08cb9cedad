import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { CRC32, CRC32C, CRC64NVME, combineCrc, crcBytes } from './crc.js';
import type { CrcParameters } from './crc.js';
import { Crc32c, Crc64Nvme } from './crc-tables.js';

/** The checksum algorithms of S3, as they are named in elements and headers. */
export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];

/** A running checksum. */
export interface RunningChecksum {
  update(bytes: Uint8Array): void;
  /** Base64. */
  digest(): string;
}

/** Starts a checksum. */
export function startChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  switch (algorithm) {
    case 'CRC32':
      return nativeCrc32();
    case 'CRC32C':
      return new Crc32c();
    case 'CRC64NVME':
      return new Crc64Nvme();
    case 'SHA1':
    case 'SHA256':
      return hashOf(algorithm.toLowerCase());
  }
}

function nativeCrc32(): RunningChecksum {
  let value = 0;
  return {
    update: (bytes) => {
      // zlib starts anew when it is given no bytes.
      if (bytes.length > 0) value = crc32(bytes, value);
    },
    digest: () => crcBytes(BigInt(value), 32).toString('base64'),
  };
}

function hashOf(name: string): RunningChecksum {
  const hash = createHash(name);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('base64') };
}

const crcs: Partial<Record<ChecksumAlgorithm, CrcParameters>> = { CRC32, CRC32C, CRC64NVME };

/** A part's checksum and length. */
export interface PartChecksum {
  /** Base64. */
  readonly value: string;
  readonly size: number;
}

/** The checksum of the joined parts, from theirs; undefined for algorithms that cannot be joined. */
export function joinChecksums(algorithm: ChecksumAlgorithm, parts: readonly PartChecksum[]): string | undefined {
  const crc = crcs[algorithm];
  if (!crc) return undefined;
  let total = 0n;
  for (const { value, size } of parts) total = combineCrc(crc, total, readCrc(value), size);
  return crcBytes(total, crc.bits).toString('base64');
}

/** S3's checksum of checksums: over the parts' raw values, with `-N` behind it. */
export function compositeChecksum(algorithm: ChecksumAlgorithm, parts: readonly PartChecksum[]): string {
  const running = startChecksum(algorithm);
  for (const { value } of parts) running.update(Buffer.from(value, 'base64'));
  return `${running.digest()}-${parts.length}`;
}

function readCrc(base64: string): bigint {
  return BigInt(`0x${Buffer.from(base64, 'base64').toString('hex') || '0'}`);
}

const LENGTHS: Record<ChecksumAlgorithm, number> = { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 };

/** True for base64 of the algorithm's length. */
export function isChecksum(algorithm: ChecksumAlgorithm, value: string): boolean {
  const bytes = Buffer.from(value, 'base64');
  return bytes.length === LENGTHS[algorithm] && bytes.toString('base64') === value;
}
