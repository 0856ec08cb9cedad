/** A reflected CRC whose register starts with, and is finally XORed with, all ones. */
export interface CrcParameters {
  readonly bits: 32 | 64;
  /** The polynomial, reflected. */
  readonly polynomial: bigint;
}

export const CRC32: CrcParameters = { bits: 32, polynomial: 0xedb88320n };
export const CRC32C: CrcParameters = { bits: 32, polynomial: 0x82f63b78n };
export const CRC64NVME: CrcParameters = { bits: 64, polynomial: 0x9a6c9329ac4bc9b5n };

/** The value big-endian, as S3 writes it. */
export function crcBytes(value: bigint, bits: 32 | 64): Buffer {
  const out = Buffer.alloc(bits / 8);
  if (bits === 64) out.writeBigUInt64BE(value);
  else out.writeUInt32BE(Number(value));
  return out;
}

/** A linear map on registers: its columns, one per bit. */
type Matrix = readonly bigint[];

/**
 * The CRC of A followed by B, from both CRCs and the length of B. A zero byte acts on the register as a linear map;
 * squaring it log2(length) times moves A's register over all of B (the method of zlib's crc32_combine).
 */
export function combineCrc({ bits, polynomial }: CrcParameters, first: bigint, second: bigint, length: number): bigint {
  let shift = oneZeroBit(bits, polynomial);
  for (let i = 0; i < 3; i++) shift = square(shift);
  let value = first;
  for (let left = length; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) value = apply(shift, value);
    shift = square(shift);
  }
  return value ^ second;
}

function oneZeroBit(bits: number, polynomial: bigint): Matrix {
  return Array.from({ length: bits }, (_, i) => (i === 0 ? polynomial : 1n << BigInt(i - 1)));
}

function apply(matrix: Matrix, value: bigint): bigint {
  let sum = 0n;
  let rest = value;
  for (const column of matrix) {
    if (rest === 0n) break;
    if (rest & 1n) sum ^= column;
    rest >>= 1n;
  }
  return sum;
}

function square(matrix: Matrix): Matrix {
  return matrix.map((column) => apply(matrix, column));
}
