import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { splitAddress, type Address } from '../config.js';

/** The addresses behind host:port, or behind several separated by commas, each as host:port. What does not resolve now gives none. */
export async function resolveAddresses(address: Address): Promise<Address[]> {
  const found = await Promise.all(address.split(',').map(resolveOne));
  return [...new Set(found.flat())];
}

async function resolveOne(address: Address): Promise<Address[]> {
  const { host, port } = splitAddress(address);
  if (isIP(host) !== 0) return [address];
  try {
    const found = await lookup(host, { all: true, order: 'ipv4first' });
    return found.map(({ address: ip, family }) => (family === 6 ? `[${ip}]:${port}` : `${ip}:${port}`));
  } catch {
    return [];
  }
}

/** True when all of it is numbers and need never be looked up. */
export const isFixed = (address: Address): boolean =>
  address.split(',').every((one) => isIP(splitAddress(one).host) !== 0);
