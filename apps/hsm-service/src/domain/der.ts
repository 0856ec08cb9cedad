import { view } from './bytes.js';

// The little of DER (X.690) that keys and signatures need.
export const SEQUENCE = 0x30;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
const CONTEXT_0 = 0x80;

/** One DER element of up to 65,535 bytes. */
export function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(length)]), ...parts]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

/** A non-negative INTEGER from its big-endian bytes. */
export function derInteger(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  return (trimmed[0] ?? 0) >= 0x80 ? der(INTEGER, Buffer.alloc(1), trimmed) : der(INTEGER, trimmed);
}

/** SubjectPublicKeyInfo (RFC 5280) of an algorithm without parameters. */
export function spki(oid: Uint8Array, publicKey: Uint8Array): Buffer {
  return der(SEQUENCE, der(SEQUENCE, oid), der(BIT_STRING, Buffer.alloc(1), publicKey));
}

/** PKCS#8 (RFC 5958) that holds the seed of an ML-KEM key (RFC 9935 §6). The caller overwrites it. */
export function seedPkcs8(oid: Uint8Array, seed: Uint8Array): Buffer {
  const inner = der(CONTEXT_0, seed);
  const octets = der(OCTET_STRING, inner);
  const out = der(SEQUENCE, der(INTEGER, Buffer.alloc(1)), der(SEQUENCE, oid), octets);
  inner.fill(0);
  octets.fill(0);
  return out;
}

/** Reads DER elements one after another, sharing memory with the source. Throws RangeError for anything unexpected. */
export class DerReader {
  #rest: Buffer;

  constructor(source: Uint8Array) {
    this.#rest = view(source);
  }

  /** The content of the next element, which must have this tag. */
  next(tag: number): Buffer {
    const [found, first = 0x80] = this.#rest;
    const extra = first < 0x80 ? 0 : first & 0x7f;
    if (found !== tag || extra > 2 || first === 0x80) throw new RangeError('DER: another element expected');
    const start = 2 + extra;
    const end = start + (extra === 0 ? first : this.#rest.readUIntBE(2, extra));
    if (end > this.#rest.length) throw new RangeError('DER: the bytes end too early');
    const content = this.#rest.subarray(start, end);
    this.#rest = this.#rest.subarray(end);
    return content;
  }
}
