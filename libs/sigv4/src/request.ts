import { AuthError } from './errors.js';
import { decodePart, queryPart } from './encoding.js';

/** Header lines by lower-case name; values of repeated lines are joined by a comma, in their order. */
export type HeaderMap = ReadonlyMap<string, string>;

/** A request as it arrived. Strings hold one byte per character (Latin-1), as node:http gives them. */
export interface RawRequest {
  readonly method: string;
  /** Path and query as on the request line, nothing decoded. */
  readonly target: Target;
  readonly headers: HeaderMap;
}

/** The two halves of a request target; `query` holds names and values in canonical encoding, in their order. */
export interface Target {
  readonly path: string;
  readonly query: readonly QueryParameter[];
}

/** `[name, value]`, both percent-encoded as the canonical request wants them. */
export type QueryParameter = readonly [name: string, value: string];

/** What a request head may hold at most. AWS's own limit for S3 is 8 KB of headers. */
export const limits = Object.freeze({
  headerLines: 200,
  headerBytes: 64 * 1024,
  authorizationBytes: 8 * 1024,
  queryParameters: 200,
  signedHeaders: 100,
  securityTokenBytes: 16 * 1024,
});

/**
 * Headers that say who asks whom for what: two of them would let two readers of one request see different ones
 * (RFC 9112 §3.2 demands a refusal for Host).
 */
const once: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'host',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
  'x-amz-target',
]);

/** Indexes node's `rawHeaders` (name, value, name, value …) once for signature and service alike. */
export function readHeaders(raw: readonly string[]): HeaderMap {
  if (raw.length > 2 * limits.headerLines) throw new AuthError('HeadersTooLarge');
  const map = new Map<string, string>();
  let bytes = 0;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] as string).toLowerCase();
    const value = raw[at + 1] as string;
    const before = map.get(name);
    if (before !== undefined && once.has(name)) throw new AuthError('RepeatedHeader');
    map.set(name, before === undefined ? value : `${before},${value}`);
    bytes += name.length + value.length;
  }
  if (bytes > limits.headerBytes) throw new AuthError('HeadersTooLarge');
  return map;
}

/** Splits a request target. An absolute target (`http://host/path`, RFC 9112 §3.2.2) is read as its path. */
export function readTarget(target: string): Target {
  const origin = target.startsWith('/') ? target : target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '');
  const mark = origin.indexOf('?');
  if (mark < 0) return { path: origin || '/', query: [] };
  return { path: origin.slice(0, mark) || '/', query: readQuery(origin.slice(mark + 1)) };
}

function readQuery(raw: string): QueryParameter[] {
  const pairs = raw.split('&', limits.queryParameters + 1);
  if (pairs.length > limits.queryParameters) throw new AuthError('HeadersTooLarge');
  const parameters: QueryParameter[] = [];
  for (const pair of pairs) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    parameters.push(
      equals < 0 ? [queryPart(pair), ''] : [queryPart(pair.slice(0, equals)), queryPart(pair.slice(equals + 1))],
    );
  }
  return parameters;
}

/** The decoded value of one parameter; undefined when it is missing, an AuthError when it is given twice. */
export function queryValue(target: Target, name: string): string | undefined {
  let found: string | undefined;
  for (const [key, value] of target.query) {
    if (key !== name) continue;
    if (found !== undefined) throw new AuthError('QueryParameters', `The parameter ${name} must be given once.`);
    found = decodePart(value);
  }
  return found;
}

/** All parameters decoded, in their order: what a service reads is then what was signed. */
export function decodeQuery(target: Target): [name: string, value: string][] {
  return target.query.map(([name, value]) => [decodePart(name), decodePart(value)]);
}
