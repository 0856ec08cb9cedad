/** Everything that can be wrong with the authentication of a request. */
export type Failure =
  | 'MissingAuthentication'
  | 'MultipleMechanisms'
  | 'MalformedAuthorization'
  | 'UnsupportedAlgorithm'
  | 'QueryParameters'
  | 'WrongScope'
  | 'HeadersNotSigned'
  | 'HeadersTooLarge'
  | 'RepeatedHeader'
  | 'ClockSkew'
  | 'Expired'
  | 'UnknownAccessKey'
  | 'InvalidToken'
  | 'ExpiredToken'
  | 'SignatureMismatch'
  | 'MissingPayloadHash'
  | 'InvalidPayloadHash'
  | 'PayloadMismatch'
  | 'IncompleteBody'
  | 'InvalidChunk'
  | 'ChunkTooSmall'
  | 'ChunkTooLarge'
  | 'MalformedTrailer';

/** How a service speaks: KMS and CloudTrail (JSON 1.1), IAM and STS (Query), S3 (REST XML). */
export type Flavour = 'json' | 'query' | 's3';

/** AWS's name, HTTP status and wording of a failure. `details` are further elements of S3's error document. */
export interface AwsAuthError {
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly details: Readonly<Record<string, string>>;
}

/** A refusal. `message` is safe to show to the caller; it never holds a key or a computed signature. */
export class AuthError extends Error {
  override readonly name = 'AuthError';
  readonly failure: Failure;
  readonly details: Readonly<Record<string, string>>;

  constructor(failure: Failure, message = '', details: Readonly<Record<string, string>> = {}) {
    super(message);
    this.failure = failure;
    this.details = details;
  }
}

type Row = readonly [code: string, status: number, message: string];

const mismatch =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';
const badToken = 'The security token included in the request is invalid.';
const expiredToken = 'The security token included in the request is expired';
const missing = 'Request is missing Authentication Token';
const incomplete = 'The request signature does not conform to AWS standards.';
const tooLarge = 'The request headers exceed the maximum size.';
const oneMechanism =
  'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified';
const repeated = 'A header that must be given once was given twice.';
const chunked = 'aws-chunked content is not supported by this service.';

const json: Record<Failure, Row> = {
  MissingAuthentication: ['MissingAuthenticationTokenException', 400, missing],
  MultipleMechanisms: ['InvalidSignatureException', 400, oneMechanism],
  MalformedAuthorization: ['IncompleteSignatureException', 400, incomplete],
  UnsupportedAlgorithm: ['IncompleteSignatureException', 400, incomplete],
  QueryParameters: ['IncompleteSignatureException', 400, incomplete],
  WrongScope: ['InvalidSignatureException', 400, 'Credential should be scoped to a valid region.'],
  HeadersNotSigned: ['InvalidSignatureException', 400, mismatch],
  HeadersTooLarge: ['RequestHeaderSectionTooLarge', 400, tooLarge],
  RepeatedHeader: ['IncompleteSignatureException', 400, repeated],
  ClockSkew: ['InvalidSignatureException', 400, 'Signature expired.'],
  Expired: ['InvalidSignatureException', 400, 'Signature expired.'],
  UnknownAccessKey: ['UnrecognizedClientException', 400, badToken],
  InvalidToken: ['UnrecognizedClientException', 400, badToken],
  ExpiredToken: ['ExpiredTokenException', 400, expiredToken],
  SignatureMismatch: ['InvalidSignatureException', 400, mismatch],
  MissingPayloadHash: ['InvalidSignatureException', 400, mismatch],
  InvalidPayloadHash: ['InvalidSignatureException', 400, mismatch],
  PayloadMismatch: ['InvalidSignatureException', 400, mismatch],
  IncompleteBody: ['SerializationException', 400, chunked],
  InvalidChunk: ['SerializationException', 400, chunked],
  ChunkTooSmall: ['SerializationException', 400, chunked],
  ChunkTooLarge: ['SerializationException', 400, chunked],
  MalformedTrailer: ['SerializationException', 400, chunked],
};

const query: Record<Failure, Row> = {
  MissingAuthentication: ['MissingAuthenticationToken', 403, missing],
  MultipleMechanisms: ['SignatureDoesNotMatch', 403, oneMechanism],
  MalformedAuthorization: ['IncompleteSignature', 400, incomplete],
  UnsupportedAlgorithm: ['IncompleteSignature', 400, incomplete],
  QueryParameters: ['IncompleteSignature', 400, incomplete],
  WrongScope: ['SignatureDoesNotMatch', 403, 'Credential should be scoped to a valid region.'],
  HeadersNotSigned: ['SignatureDoesNotMatch', 403, mismatch],
  HeadersTooLarge: ['RequestHeaderSectionTooLarge', 400, tooLarge],
  RepeatedHeader: ['IncompleteSignature', 400, repeated],
  ClockSkew: ['SignatureDoesNotMatch', 403, 'Signature expired.'],
  Expired: ['SignatureDoesNotMatch', 403, 'Signature expired.'],
  UnknownAccessKey: ['InvalidClientTokenId', 403, badToken],
  InvalidToken: ['InvalidClientTokenId', 403, badToken],
  ExpiredToken: ['ExpiredToken', 403, expiredToken],
  SignatureMismatch: ['SignatureDoesNotMatch', 403, mismatch],
  MissingPayloadHash: ['SignatureDoesNotMatch', 403, mismatch],
  InvalidPayloadHash: ['SignatureDoesNotMatch', 403, mismatch],
  PayloadMismatch: ['SignatureDoesNotMatch', 403, mismatch],
  IncompleteBody: ['MalformedInput', 400, chunked],
  InvalidChunk: ['MalformedInput', 400, chunked],
  ChunkTooSmall: ['MalformedInput', 400, chunked],
  ChunkTooLarge: ['MalformedInput', 400, chunked],
  MalformedTrailer: ['MalformedInput', 400, chunked],
};

const s3: Record<Failure, Row> = {
  MissingAuthentication: ['AccessDenied', 403, 'Access Denied'],
  MultipleMechanisms: ['InvalidArgument', 400, oneMechanism],
  MalformedAuthorization: ['AuthorizationHeaderMalformed', 400, 'The authorization header is malformed.'],
  UnsupportedAlgorithm: [
    'InvalidRequest',
    400,
    'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
  ],
  QueryParameters: [
    'AuthorizationQueryParametersError',
    400,
    'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
  ],
  WrongScope: ['AuthorizationHeaderMalformed', 400, 'The authorization header is malformed.'],
  HeadersNotSigned: ['AccessDenied', 403, 'There were headers present in the request which were not signed'],
  HeadersTooLarge: [
    'RequestHeaderSectionTooLarge',
    400,
    'Your request header section exceeds the maximum allowed size.',
  ],
  RepeatedHeader: ['InvalidRequest', 400, repeated],
  ClockSkew: [
    'RequestTimeTooSkewed',
    403,
    'The difference between the request time and the current time is too large.',
  ],
  Expired: ['AccessDenied', 403, 'Request has expired'],
  UnknownAccessKey: ['InvalidAccessKeyId', 403, 'The AWS Access Key Id you provided does not exist in our records.'],
  InvalidToken: ['InvalidToken', 400, 'The provided token is malformed or otherwise invalid.'],
  ExpiredToken: ['ExpiredToken', 400, 'The provided token has expired.'],
  SignatureMismatch: [
    'SignatureDoesNotMatch',
    403,
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  ],
  MissingPayloadHash: ['InvalidRequest', 400, 'Missing required header for this request: x-amz-content-sha256'],
  InvalidPayloadHash: [
    'InvalidArgument',
    400,
    'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.',
  ],
  PayloadMismatch: [
    'XAmzContentSHA256Mismatch',
    400,
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
  ],
  IncompleteBody: [
    'IncompleteBody',
    400,
    'You did not provide the number of bytes specified by the Content-Length HTTP header.',
  ],
  InvalidChunk: ['InvalidRequest', 400, 'The aws-chunked body is malformed.'],
  ChunkTooSmall: ['InvalidChunkSizeError', 403, 'Only the last chunk is allowed to have a size less than 8192 bytes'],
  ChunkTooLarge: ['InvalidRequest', 400, 'A chunk of the aws-chunked body is too large.'],
  MalformedTrailer: ['MalformedTrailerError', 400, 'The request contained trailing data that was not well-formed.'],
};

const rows: Record<Flavour, Record<Failure, Row>> = { json, query, s3 };

/** How `error` looks to a client of a service of this flavour. */
export function awsAuthError(error: AuthError, flavour: Flavour): AwsAuthError {
  const [code, status, message] = rows[flavour][error.failure];
  return { code, status, message: error.message || message, details: error.details };
}
