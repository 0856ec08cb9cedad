import { isIP } from 'node:net';

/** An IPv4 address as 2, an IPv6 address as 8 groups of 16 bits. */
export type Address = readonly number[];

/** A CIDR range. */
export interface Range {
  readonly base: Address;
  /** How many leading bits count. */
  readonly bits: number;
}

/** The address that a text is, IPv4 inside of IPv6 (::ffff:a.b.c.d) as IPv4; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const version = isIP(text);
  if (version === 4) return ipv4(text);
  // A zone (fe80::1%eth0) means nothing outside of its host.
  if (version !== 6 || text.includes('%')) return undefined;
  const groups = ipv6(text);
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  return isMapped ? groups.slice(6) : groups;
}

/** A range of addresses, or one address; undefined for anything else. */
export function parseRange(text: string): Range | undefined {
  const slash = text.indexOf('/');
  const base = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (base === undefined) return undefined;
  const longest = base.length * 16;
  if (slash < 0) return { base, bits: longest };
  const bits = text.slice(slash + 1);
  return /^\d{1,3}$/.test(bits) && Number(bits) <= longest ? { base, bits: Number(bits) } : undefined;
}

export function inRange({ base, bits }: Range, address: Address): boolean {
  if (base.length !== address.length) return false;
  const whole = bits >>> 4;
  for (let i = 0; i < whole; i++) if (base[i] !== address[i]) return false;
  const rest = 16 - (bits & 15);
  return rest === 16 || (base[whole] ?? 0) >>> rest === (address[whole] ?? 0) >>> rest;
}

function ipv4(text: string): Address {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}

function ipv6(text: string): Address {
  const [head = '', tail] = text.split('::', 2);
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => (group.includes('.') ? ipv4(group) : [Number.parseInt(group, 16)]));
}
