import { checkSkew, formatTimestamp, readTimestamp } from './clock.js';
import { AuthError, type Flavour } from './errors.js';
import { algorithm, isSignature, readToken } from './fields.js';
import { type DeclaredPayload, declaredPayload } from './payload.js';
import { isPresigned, readPresigned } from './presigned.js';
import { limits, type RawRequest } from './request.js';
import { checkScope, type CredentialScope, type Expected, type Form, readCredential } from './scope.js';
import { checkSignedHeaders, readSignedHeaders } from './signed-headers.js';

/** What a request says about who signed it. Nothing of it is proven before `verifySignature` returned. */
export interface Authentication extends CredentialScope {
  readonly form: Form;
  readonly flavour: Flavour;
  readonly signedHeaders: readonly string[];
  /** 64 hex digits in lower case. */
  readonly signature: string;
  /** `YYYYMMDDTHHMMSSZ` as signed, and the same in milliseconds. */
  readonly timestamp: string;
  readonly time: number;
  readonly securityToken: string | undefined;
  /** S3 only: what `x-amz-content-sha256` declares. */
  readonly declared: DeclaredPayload | undefined;
}

/**
 * Reads and checks all that can be checked without the key: shape, scope, clock and which headers are signed.
 * `now` in milliseconds. Throws AuthError.
 */
export function readAuthentication(request: RawRequest, expected: Expected, now: number): Authentication {
  const authorization = request.headers.get('authorization');
  const presigned = isPresigned(request.target);
  if (authorization !== undefined && presigned) throw new AuthError('MultipleMechanisms');
  if (presigned) return readPresigned(request, expected, now);
  if (authorization === undefined) throw new AuthError('MissingAuthentication');
  return readHeaderForm(request, authorization, expected, now);
}

function readHeaderForm(request: RawRequest, value: string, expected: Expected, now: number): Authentication {
  const { flavour } = expected;
  const fields = readFields(value, flavour);
  const scope = readCredential(fields.credential) ?? malformed(flavour, 'the Credential is mal-formed');
  const timestamp = requestTime(request) ?? malformed(flavour, "it requires a valid 'X-Amz-Date' or 'Date' header");
  const time = readTimestamp(timestamp) ?? malformed(flavour, "the 'X-Amz-Date' header is not a valid time");
  checkScope(scope, timestamp, expected, 'header');
  checkSkew(timestamp, time, now, flavour);
  const signedHeaders = readSignedHeaders(fields.signedHeaders) ?? malformed(flavour, 'SignedHeaders is mal-formed');
  checkSignedHeaders(request.headers, signedHeaders, flavour);
  const declared = flavour === 's3' ? declaredPayload(request, false) : undefined;
  const securityToken = readToken(request.headers.get('x-amz-security-token'));
  // Written out field by field: an object spread costs more than all of the parsing above.
  return {
    accessKeyId: scope.accessKeyId,
    date: scope.date,
    region: scope.region,
    service: scope.service,
    scope: scope.scope,
    form: 'header',
    flavour,
    signedHeaders,
    signature: fields.signature,
    timestamp,
    time,
    securityToken,
    declared,
  };
}

interface Fields {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
}

function readFields(value: string, flavour: Flavour): Fields {
  if (value.length > limits.authorizationBytes) throw new AuthError('HeadersTooLarge');
  const space = value.indexOf(' ');
  if (space < 0 || value.slice(0, space) !== algorithm) throw new AuthError('UnsupportedAlgorithm');
  const found = new Map<string, string>();
  for (const field of value.slice(space + 1).split(',')) {
    const [name, text] = splitField(field.trim());
    if (found.has(name)) malformed(flavour, `'${name.slice(0, 32)}' is given twice`);
    found.set(name, text);
  }
  const credential = found.get('Credential') ?? absent(flavour, 'Credential');
  const signedHeaders = found.get('SignedHeaders') ?? absent(flavour, 'SignedHeaders');
  const signature = found.get('Signature') ?? absent(flavour, 'Signature');
  if (!isSignature(signature)) malformed(flavour, 'the Signature is mal-formed');
  return { credential, signedHeaders, signature };
}

function splitField(field: string): [string, string] {
  const equals = field.indexOf('=');
  return equals < 0 ? [field, ''] : [field.slice(0, equals), field.slice(equals + 1)];
}

/** `X-Amz-Date`, or `Date` in either of its forms. */
function requestTime(request: RawRequest): string | undefined {
  const given = request.headers.get('x-amz-date') ?? request.headers.get('date');
  if (given === undefined || given.endsWith('Z')) return given;
  const time = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(given) ? Date.parse(given) : NaN;
  return Number.isNaN(time) ? given : formatTimestamp(time);
}

function absent(flavour: Flavour, field: string): never {
  if (flavour === 's3') return malformed(flavour, `it requires '${field}'`);
  throw new AuthError('MalformedAuthorization', `Authorization header requires '${field}' parameter.`);
}

function malformed(flavour: Flavour, why: string): never {
  const lead = flavour === 's3' ? 'The authorization header is malformed' : 'Authorization header is malformed';
  throw new AuthError('MalformedAuthorization', `${lead}; ${why}.`);
}
