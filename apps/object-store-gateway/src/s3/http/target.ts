import { decodeQuery } from '@keystead/sigv4';
import type { Target } from '@keystead/sigv4';
import { S3Error } from '../../domain/s3-error.js';

/** What a request is about; both undefined for the service itself. */
export interface Place {
  readonly bucket: string | undefined;
  readonly key: string | undefined;
}

/**
 * Reads bucket and key from Host (virtual-host style) and path.
 *
 * @param domains base names without ports, for example `s3.localhost`; the longest that fits counts
 * @throws {S3Error} InvalidURI, KeyTooLongError
 */
export function readPlace(host: string | undefined, path: string, domains: readonly string[]): Place {
  const virtual = virtualBucket(host, domains);
  const rest = path.startsWith('/') ? path.slice(1) : path;
  if (virtual !== undefined) return { bucket: virtual, key: keyOf(rest) };
  const slash = rest.indexOf('/');
  const bucket = decode(slash < 0 ? rest : rest.slice(0, slash));
  return { bucket: bucket === '' ? undefined : bucket, key: slash < 0 ? undefined : keyOf(rest.slice(slash + 1)) };
}

function virtualBucket(host: string | undefined, domains: readonly string[]): string | undefined {
  const name = (host ?? '').toLowerCase().replace(/:\d+$/, '');
  if (domains.includes(name)) return undefined;
  const fits = domains.filter((domain) => name.endsWith(`.${domain}`)).sort((a, b) => b.length - a.length);
  return fits[0] === undefined ? undefined : name.slice(0, -fits[0].length - 1);
}

function keyOf(raw: string): string | undefined {
  const key = decode(raw);
  if (Buffer.byteLength(key) > 1024) {
    throw new S3Error('KeyTooLongError', undefined, { Size: String(Buffer.byteLength(key)), MaxSizeAllowed: '1024' });
  }
  return key === '' ? undefined : key;
}

/** Percent-decoding to UTF-8; a path from node:http may also hold raw bytes, one per character. */
function decode(raw: string): string {
  try {
    const escaped = raw.replace(/[\u0080-\u00ff]/g, (byte) => `%${byte.charCodeAt(0).toString(16)}`);
    return withoutNul(decodeURIComponent(escaped), raw);
  } catch {
    throw new S3Error('InvalidURI', undefined, { URI: raw.slice(0, 1024) });
  }
}

/** S3 takes a NUL in a key; here neither an encryption context nor PostgreSQL's text can hold one. */
function withoutNul(text: string, raw: string): string {
  if (text.includes('\0')) throw new S3Error('InvalidURI', undefined, { URI: raw.slice(0, 1024) });
  return text;
}

/**
 * Decoded query parameters; the first of a name counts.
 *
 * @throws {S3Error} InvalidURI
 */
export function readQuery(target: Target): Map<string, string> {
  const query = new Map<string, string>();
  for (const [name, value] of decodeQuery(target)) if (!query.has(name)) query.set(name, withoutNul(value, name));
  return query;
}
