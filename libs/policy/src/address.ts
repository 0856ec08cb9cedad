/** Words of 32 bits: one of an IPv4 address, four of an IPv6 address. */
export type Address = readonly number[];

const dot = 0x2e;
const colon = 0x3a;
const groupsOfIpv6 = 8;

/** Where an IPv6 address is taken apart: documents list thousands, and an array for each would be most of the work. */
const groups = new Uint16Array(groupsOfIpv6);

/** The address that a text is, IPv4 inside of IPv6 (::ffff:a.b.c.d) as IPv4; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const ipv4 = readIpv4(text, 0, text.length);
  if (ipv4 >= 0) return [ipv4 | 0];
  if (!readIpv6(text, text.length)) return undefined;
  return isMapped() ? [wordAt(6)] : [wordAt(0), wordAt(2), wordAt(4), wordAt(6)];
}

/** Whether a text is a CIDR range or an address. */
export function isRange(text: string): boolean {
  return readRange(text) !== 0;
}

/** What `readRange` has read last: the words of the address lie in `groups`. */
let bitsRead = 0;

/** Reads a CIDR range or an address; answers how many groups of `groups` its address takes: 2, 8, or 0 when it is none. */
function readRange(text: string): 0 | 2 | 8 {
  const slash = text.indexOf('/');
  const end = slash < 0 ? text.length : slash;
  const ipv4 = readIpv4(text, 0, end);
  if (ipv4 < 0 && !readIpv6(text, end)) return 0;
  const isShort = ipv4 >= 0 || isMapped();
  bitsRead = bitsOf(text, slash, isShort ? 32 : 128);
  if (bitsRead < 0) return 0;
  if (!isShort) return 8;
  groups[0] = ipv4 < 0 ? (groups[6] ?? 0) : ipv4 >>> 16;
  groups[1] = ipv4 < 0 ? (groups[7] ?? 0) : ipv4;
  return 2;
}

/** CIDR ranges and single addresses, side by side in two lists. */
export class Ranges {
  /** Address and mask of each range in turn. */
  readonly #ipv4: number[] = [];
  /** Four words of the address and the number of bits that count, of each range in turn. */
  readonly #ipv6: number[] = [];

  /** Adds a range or an address; false, and nothing added, when the text is neither. */
  add(text: string): boolean {
    const size = readRange(text);
    if (size === 2) this.#ipv4.push(wordAt(0), maskOf(bitsRead));
    if (size === 8) this.#ipv6.push(wordAt(0), wordAt(2), wordAt(4), wordAt(6), bitsRead);
    return size > 0;
  }

  /** Whether the address lies in one of the ranges. */
  includes(address: Address): boolean {
    if (address.length > 1) return this.#includesIpv6(address);
    const ranges = this.#ipv4;
    const [word = 0] = address;
    for (let i = 0; i < ranges.length; i += 2) {
      if ((((ranges[i] ?? 0) ^ word) & (ranges[i + 1] ?? 0)) === 0) return true;
    }
    return false;
  }

  #includesIpv6(address: Address): boolean {
    for (let i = 0; i < this.#ipv6.length; i += 5) if (beginsAlike(this.#ipv6, i, address)) return true;
    return false;
  }
}

function beginsAlike(ranges: readonly number[], at: number, address: Address): boolean {
  let bits = ranges[at + 4] ?? 0;
  for (let word = 0; bits > 0; word++, bits -= 32) {
    if ((((ranges[at + word] ?? 0) ^ (address[word] ?? 0)) & maskOf(bits)) !== 0) return false;
  }
  return true;
}

function maskOf(bits: number): number {
  if (bits >= 32) return -1;
  return bits === 0 ? 0 : -1 << (32 - bits);
}

/** One to three digits behind the slash; all bits without one; -1 for anything else. */
function bitsOf(text: string, slash: number, longest: number): number {
  if (slash < 0) return longest;
  const digits = text.length - slash - 1;
  if (digits < 1 || digits > 3) return -1;
  let bits = 0;
  for (let i = slash + 1; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    bits = bits * 10 + digit;
  }
  return bits <= longest ? bits : -1;
}

/** An IPv4 address as an unsigned number; -1 when that part of the text is none. */
function readIpv4(text: string, from: number, end: number): number {
  let [value, part, dots] = [0, -1, 0];
  for (let i = from; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === dot) {
      if (part < 0 || ++dots > 3) return -1;
      value = value * 256 + part;
      part = -1;
      continue;
    }
    const digit = code - 48;
    // A zero in front would be read as octal by some.
    if (digit < 0 || digit > 9 || part === 0) return -1;
    part = part < 0 ? digit : part * 10 + digit;
    if (part > 255) return -1;
  }
  return dots === 3 && part >= 0 ? value * 256 + part : -1;
}

/**
 * Reads an IPv6 address into `groups`; false when the text up to there is none. A zone (fe80::1%eth0) means nothing
 * outside of its host and is refused.
 */
function readIpv6(text: string, end: number): boolean {
  let [count, gap, at] = [0, -1, 0];
  if (end > 1 && text.charCodeAt(0) === colon && text.charCodeAt(1) === colon) [gap, at] = [0, 2];
  while (at < end) {
    if (count === groupsOfIpv6) return false;
    const behind = behindHex(text, at, end);
    if (behind < end && text.charCodeAt(behind) === dot) {
      const ipv4 = count > 6 ? -1 : readIpv4(text, at, end);
      if (ipv4 < 0) return false;
      groups[count++] = ipv4 >>> 16;
      groups[count++] = ipv4;
      break;
    }
    if (behind === at || behind > at + 4) return false;
    groups[count++] = hexOf(text, at, behind);
    if (behind === end) break;
    if (text.charCodeAt(behind) !== colon || behind + 1 === end) return false;
    at = behind + 1;
    if (text.charCodeAt(at) !== colon) continue;
    if (gap >= 0) return false;
    gap = count;
    at++;
  }
  if (gap < 0) return count === groupsOfIpv6;
  if (count === groupsOfIpv6) return false;
  groups.copyWithin(groupsOfIpv6 - count + gap, gap, count);
  groups.fill(0, gap, groupsOfIpv6 - count + gap);
  return true;
}

function behindHex(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && hexDigit(text.charCodeAt(at)) >= 0) at++;
  return at;
}

function hexOf(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 16 + hexDigit(text.charCodeAt(i));
  return value;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 0x20;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

function isMapped(): boolean {
  for (let i = 0; i < 5; i++) if (groups[i] !== 0) return false;
  return groups[5] === 0xffff;
}

/** Two groups as one word. */
function wordAt(group: number): number {
  return ((groups[group] ?? 0) << 16) | (groups[group + 1] ?? 0);
}
