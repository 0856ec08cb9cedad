import { AuthError, type Flavour } from './errors.js';
import { remembered } from './remembered.js';
import { type HeaderMap, limits } from './request.js';

/** Names of a `SignedHeaders` field; undefined unless they are lower case, sorted and different, as SigV4 has them. */
export const readSignedHeaders = remembered(1_000, parseSignedHeaders);

function parseSignedHeaders(text: string): readonly string[] | undefined {
  const names = text.split(';', limits.signedHeaders + 1);
  if (names.length > limits.signedHeaders) return undefined;
  for (const [at, name] of names.entries()) {
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) return undefined;
    if (at > 0 && name <= (names[at - 1] as string)) return undefined;
  }
  return names;
}

// Their values are in the string to sign by themselves.
const signedElsewhere: ReadonlySet<string> = new Set(['x-amz-content-sha256', 'x-amz-date']);

/** Refuses a request whose host or whose x-amz-* headers are not all signed, or that signs what it does not carry. */
export function checkSignedHeaders(headers: HeaderMap, signed: readonly string[], flavour: Flavour): void {
  if (!signed.includes('host')) throw notSigned('host', flavour);
  for (const name of headers.keys()) {
    if (!name.startsWith('x-amz-') || signedElsewhere.has(name) || signed.includes(name)) continue;
    throw notSigned(name, flavour);
  }
  for (const name of signed) if (!headers.has(name)) throw new AuthError('SignatureMismatch');
}

function notSigned(name: string, flavour: Flavour): AuthError {
  if (flavour === 's3') return new AuthError('HeadersNotSigned', '', { HeadersNotSigned: name });
  const label = name === 'host' ? "'Host' or ':authority'" : `'${name}'`;
  return new AuthError('HeadersNotSigned', `${label} must be a 'SignedHeader' in the AWS Authorization.`);
}
