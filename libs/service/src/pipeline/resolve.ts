import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { splitAddress, type Address } from '../config.js';

/** The addresses behind host:port, each as host:port. A name that does not resolve now gives none. */
export async function resolveAddresses(address: Address): Promise<Address[]> {
  const { host, port } = splitAddress(address);
  if (isIP(host) !== 0) return [address];
  try {
    const found = await lookup(host, { all: true, order: 'ipv4first' });
    return found.map(({ address: ip, family }) => (family === 6 ? `[${ip}]:${port}` : `${ip}:${port}`));
  } catch {
    return [];
  }
}

/** True when the address is a number and need never be looked up. */
export const isFixed = (address: Address): boolean => isIP(splitAddress(address).host) !== 0;
