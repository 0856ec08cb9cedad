import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAddress, Ranges } from '../src/address.js';

const runs = { numRuns: 20_000 };
const typed = (alphabet: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...Array.from(alphabet)), maxLength });

/** Addresses, what nearly is one, and several spellings of the same. */
const text = fc.oneof(
  ...[fc.ipV4(), fc.ipV6(), typed('0123456789.', 16), typed('01aF:.', 20), typed('0:1f%/', 24)],
  fc.ipV6().map((address) => address.replaceAll(/:0+/g, ':0')),
  fc.tuple(fc.ipV6(), fc.nat(40)).map(([address, at]) => `${address.slice(0, at)}${address.slice(at + 1)}`),
);

/** The 128 bits of an address as one number, IPv4 behind ::ffff:, by nothing but arithmetic on its groups. */
function bitsOf(address: string): bigint {
  const dotted = /^(.*:)?(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (dotted) {
    const [, head = '::ffff:', ...parts] = dotted;
    const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number);
    return bitsOf(`${head}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`);
  }
  const [head = '', tail = ''] = address.split('::');
  const groups = (part: string) => part.split(':').filter((group) => group !== '');
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...new Array<string>(missing).fill('0'), ...groups(tail)];
  return all.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

function isAlike(range: string, address: string): boolean {
  const [base = '', bits] = range.split('/');
  const [from, given] = [bitsOf(base), bitsOf(address)];
  const isIpv4 = (value: bigint) => value >> 32n === 0xffffn;
  if (isIpv4(from) !== isIpv4(given)) return false;
  const longest = isIpv4(from) ? 32n : 128n;
  const behind = longest - (bits === undefined ? longest : BigInt(bits));
  return from >> behind === given >> behind;
}

test('an address is what Node.js takes for one, without a zone', () => {
  fc.assert(
    fc.property(text, (address) => {
      expect(parseAddress(address) !== undefined, address).toBe(isIP(address) !== 0 && !address.includes('%'));
    }),
    runs,
  );
});

test.each([
  ...['::', '::1', '1::', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', '1:2:3:4:5:6:1.2.3.4', '::1.2.3.4', '0.0.0.0'],
  ...['', ':', ':::', '1:::2', '1::2::3', '1:2:3:4:5:6:7:8::', '1:2:3:4::5:6:7:8', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:'],
  ...['1:2:3:4:5:6:7:1.2.3.4', '1.2.3.4::', '::1.2.3', '::1.2.3.4:5', '::12345', '01.2.3.4', '1.2.3.256', '1.2.3.4.5'],
  ...['1.2.3', '1..3.4', '.1.2.3', '1.2.3.', ' 1.2.3.4', '1.2.3.4 ', '::g', '1:', ':1', '1:2:3:4:5:6:7:', '::1%lo'],
])('whether "%s" is one', (address) => {
  expect(parseAddress(address) !== undefined).toBe(isIP(address) !== 0 && !address.includes('%'));
});

/** A range and an address that differs from its base in one bit. */
const near = fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(128), fc.nat(127)).map(([base, bits, flipped]) => {
  const isIpv4 = !base.includes(':');
  const other = bitsOf(base) ^ (1n << BigInt(isIpv4 ? flipped % 32 : flipped));
  const groups = Array.from({ length: 8 }, (_, n) => ((other >> BigInt(112 - 16 * n)) & 65_535n).toString(16));
  return [`${base}/${String(isIpv4 ? bits % 33 : bits)}`, groups.join(':')] as const;
});

test('a range has the addresses that begin as it does, by arithmetic and by Node.js', () => {
  fc.assert(
    fc.property(near, ([range, address]) => {
      const ranges = new Ranges();
      expect(ranges.add(range)).toBe(true);
      const given = parseAddress(address);
      const found = given !== undefined && ranges.includes(given);
      expect(found, `${address} in ${range}`).toBe(isAlike(range, address));
      const [base = '', bits = ''] = range.split('/');
      const list = new BlockList();
      list.addSubnet(base, Number(bits), base.includes(':') ? 'ipv6' : 'ipv4');
      // Node.js also compares IPv4 with ranges of IPv6; here they are two worlds.
      if (bitsOf(base) >> 32n === 0xffffn || bitsOf(address) >> 32n !== 0xffffn)
        expect(list.check(address, 'ipv6'), `${address} in ${range}`).toBe(found);
    }),
    runs,
  );
});

test('of several ranges any one suffices, and what is no range is not added', () => {
  const ranges = new Ranges();
  for (const range of ['10.0.0.0/8', '192.168.1.1', '2001:db8::/33', '::ffff:172.16.0.0/12'])
    expect(ranges.add(range)).toBe(true);
  for (const range of ['10.0.0.0/33', '::/129', '::/', '::/-1', '::/1e1', '::/0001', '::ffff:1.2.3.4/96', 'x', ''])
    expect(ranges.add(range)).toBe(false);
  const has = (address: string): boolean => ranges.includes(parseAddress(address) ?? []);
  expect(['10.9.8.7', '192.168.1.1', '2001:db8::1', '172.31.0.1', '::ffff:10.0.0.1'].map(has)).not.toContain(false);
  expect(['11.0.0.0', '192.168.1.2', '2001:db8:8000::', '172.32.0.0', '::'].map(has)).not.toContain(true);
});
