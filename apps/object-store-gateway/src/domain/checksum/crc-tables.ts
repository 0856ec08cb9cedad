import type { RunningChecksum } from './algorithms.js';
import { CRC32C, CRC64NVME, crcBytes } from './crc.js';

/** Bytes that one step consumes: enough to hide the look-ups' latency, small enough for the first-level cache. */
const SLICES = 8;

/** Table k holds what a byte contributes k bytes later; 64-bit values in two halves, because bigints are slow. */
interface Tables {
  readonly low: readonly Int32Array[];
  readonly high: readonly Int32Array[];
}

type Table = Int32Array;
type Eight = readonly [Table, Table, Table, Table, Table, Table, Table, Table];

function makeTables(polynomial: bigint): Tables {
  const low = Array.from({ length: SLICES }, () => new Int32Array(256));
  const high = Array.from({ length: SLICES }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let value = BigInt(byte);
    for (let slice = 0; slice < SLICES; slice++) {
      for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n;
      at(low, slice)[byte] = Number(value & 0xffff_ffffn);
      at(high, slice)[byte] = Number(value >> 32n);
    }
  }
  return { low, high };
}

function at(tables: readonly Int32Array[], slice: number): Int32Array {
  return tables[slice] as Int32Array;
}

/* eslint-disable @typescript-eslint/no-non-null-assertion -- every index below is masked to its table or its length */

let tables32c: Tables | undefined;

/** CRC-32C (RFC 3720), sliced by eight. */
export class Crc32c implements RunningChecksum {
  readonly #t = (tables32c ??= makeTables(CRC32C.polynomial)).low;
  #crc = -1;

  update(bytes: Uint8Array): void {
    const [t0, t1, t2, t3, t4, t5, t6, t7] = this.#t as Eight;
    let crc = this.#crc;
    let i = 0;
    for (const end = bytes.length - 7; i < end; i += 8) {
      const word = crc ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
      crc =
        t7[word & 255]! ^
        t6[(word >>> 8) & 255]! ^
        t5[(word >>> 16) & 255]! ^
        t4[word >>> 24]! ^
        t3[bytes[i + 4]!]! ^
        t2[bytes[i + 5]!]! ^
        t1[bytes[i + 6]!]! ^
        t0[bytes[i + 7]!]!;
    }
    for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]!) & 255]!;
    this.#crc = crc;
  }

  digest(): string {
    return crcBytes(BigInt(~this.#crc >>> 0), 32).toString('base64');
  }
}

let tables64: Tables | undefined;

/** CRC-64/NVME, sliced by eight. */
export class Crc64Nvme implements RunningChecksum {
  readonly #t = (tables64 ??= makeTables(CRC64NVME.polynomial));
  #low = -1;
  #high = -1;

  update(bytes: Uint8Array): void {
    const { low: l, high: h } = this.#t;
    const [l0, l1, l2, l3, l4, l5, l6, l7] = l as Eight;
    const [h0, h1, h2, h3, h4, h5, h6, h7] = h as Eight;
    let low = this.#low;
    let high = this.#high;
    let i = 0;
    for (const end = bytes.length - 7; i < end; i += 8) {
      const a = low ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
      const b = high ^ (bytes[i + 4]! | (bytes[i + 5]! << 8) | (bytes[i + 6]! << 16) | (bytes[i + 7]! << 24));
      const a0 = a & 255,
        a1 = (a >>> 8) & 255,
        a2 = (a >>> 16) & 255,
        a3 = a >>> 24;
      const b0 = b & 255,
        b1 = (b >>> 8) & 255,
        b2 = (b >>> 16) & 255,
        b3 = b >>> 24;
      low = l7[a0]! ^ l6[a1]! ^ l5[a2]! ^ l4[a3]! ^ l3[b0]! ^ l2[b1]! ^ l1[b2]! ^ l0[b3]!;
      high = h7[a0]! ^ h6[a1]! ^ h5[a2]! ^ h4[a3]! ^ h3[b0]! ^ h2[b1]! ^ h1[b2]! ^ h0[b3]!;
    }
    for (; i < bytes.length; i++) {
      const index = (low ^ bytes[i]!) & 255;
      low = ((low >>> 8) | (high << 24)) ^ l0[index]!;
      high = (high >>> 8) ^ h0[index]!;
    }
    this.#low = low;
    this.#high = high;
  }

  digest(): string {
    const value = (BigInt(~this.#high >>> 0) << 32n) | BigInt(~this.#low >>> 0);
    return crcBytes(value, 64).toString('base64');
  }
}
