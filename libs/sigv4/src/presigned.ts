import type { Authentication } from './authentication.js';
import { checkExpiry, longestExpiry, readTimestamp } from './clock.js';
import { AuthError, type Flavour } from './errors.js';
import { algorithm, isSignature, readToken } from './fields.js';
import { declaredPayload } from './payload.js';
import { queryValue, type RawRequest, type Target } from './request.js';
import { checkScope, type Expected, readCredential } from './scope.js';
import { checkSignedHeaders, readSignedHeaders } from './signed-headers.js';

/** What ordinary services allow when the query has no `X-Amz-Expires`: 15 minutes. */
const defaultExpiry = 900;

const presignedMarks: ReadonlySet<string> = new Set(['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature']);

/** Whether the query carries a signature. */
export function isPresigned(target: Target): boolean {
  return target.query.some(([name]) => presignedMarks.has(name));
}

/** The presigned form of `readAuthentication`. */
export function readPresigned(request: RawRequest, expected: Expected, now: number): Authentication {
  const { target } = request;
  const { flavour } = expected;
  if (queryValue(target, 'X-Amz-Algorithm') !== algorithm)
    throw wrong('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"');
  const scope =
    readCredential(needed(target, 'X-Amz-Credential')) ?? fail('Error parsing the X-Amz-Credential parameter.');
  const timestamp = needed(target, 'X-Amz-Date');
  const time =
    readTimestamp(timestamp) ?? fail("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  const expires = readExpires(queryValue(target, 'X-Amz-Expires'), flavour);
  const signature = needed(target, 'X-Amz-Signature');
  if (!isSignature(signature)) throw new AuthError('SignatureMismatch');
  checkScope(scope, timestamp, expected, 'presigned');
  checkExpiry(timestamp, time, expires, now, flavour);
  const signedHeaders =
    readSignedHeaders(needed(target, 'X-Amz-SignedHeaders')) ?? fail('X-Amz-SignedHeaders is mal-formed.');
  checkSignedHeaders(request.headers, signedHeaders, flavour);
  const declared = flavour === 's3' ? declaredPayload(request, true) : undefined;
  const securityToken = readToken(queryValue(target, 'X-Amz-Security-Token'));
  return { ...scope, form: 'presigned', flavour, signedHeaders, signature, timestamp, time, securityToken, declared };
}

function needed(target: Target, name: string): string {
  return queryValue(target, name) ?? fail('');
}

function readExpires(text: string | undefined, flavour: Flavour): number {
  if (text === undefined) return flavour === 's3' ? fail('') : defaultExpiry;
  if (!/^-?\d{1,12}$/.test(text)) fail('X-Amz-Expires should be a number');
  const seconds = Number(text);
  if (seconds < 0) fail('X-Amz-Expires must be non-negative');
  if (seconds < 1) fail('X-Amz-Expires must be at least 1 second');
  if (seconds > longestExpiry) {
    fail(
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds',
    );
  }
  return seconds;
}

function wrong(message: string): AuthError {
  return new AuthError('QueryParameters', message);
}

function fail(message: string): never {
  throw wrong(message);
}
