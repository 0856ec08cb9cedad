import { S3Error } from '../domain/s3-error.js';
import type { S3Request } from './http/request.js';

/**
 * A whole number in the query, cut to `most`, which is also what its absence means.
 *
 * @throws {S3Error} InvalidArgument
 */
export function numberParameter({ query }: S3Request, name: string, most: number): number {
  const given = query.get(name);
  if (given === undefined || given === '') return most;
  if (!/^\d{1,10}$/.test(given) || Number(given) > 2 ** 31 - 1) {
    const message = `Provided ${name} not an integer or within integer range`;
    throw new S3Error('InvalidArgument', message, { ArgumentName: name, ArgumentValue: given.slice(0, 64) });
  }
  return Math.min(most, Number(given));
}

/** How names in a listing are written: as they are, or percent-encoded for keys that XML cannot hold. */
export function nameEncoder({ query }: S3Request): {
  readonly type: 'url' | undefined;
  encode: (name: string) => string;
} {
  const type = query.get('encoding-type');
  if (type === undefined) return { type, encode: (name) => name };
  if (type === 'url') return { type, encode: urlEncode };
  const details = { ArgumentName: 'encoding-type', ArgumentValue: type.slice(0, 64) };
  throw new S3Error('InvalidArgument', 'Invalid Encoding Method specified in Request', details);
}

function urlEncode(name: string): string {
  return encodeURIComponent(name)
    .replace(/%2F/g, '/')
    .replace(/[!'()]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** A part number from the query, 1 to 10,000. */
export function partNumberParameter({ query }: S3Request): number {
  const given = query.get('partNumber') ?? '';
  if (/^\d{1,5}$/.test(given) && Number(given) >= 1 && Number(given) <= 10_000) return Number(given);
  const details = { ArgumentName: 'partNumber', ArgumentValue: given.slice(0, 64) };
  throw new S3Error('InvalidArgument', 'Part number must be an integer between 1 and 10000, inclusive', details);
}
