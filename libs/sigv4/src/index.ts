/**
 * AWS Signature Version 4, the verifier's side. Pure: no I/O, no clock, no secrets; the signing key comes from outside.
 *
 * A service reads the head once (`readHeaders`, `readTarget`), checks what needs no key (`readAuthentication`), fetches
 * the signing key of `auth.accessKeyId`, `date`, `region` and `service`, and proves the signature (`verifySignature`).
 * S3 then holds the body against what was declared: `checkBody` for a plain hash, `ChunkedDecoder` for aws-chunked.
 *
 * Not here: SigV4A, Signature Version 2, POST policies.
 */
export { type Authentication, readAuthentication } from './authentication.js';
export { canonicalRequest, stringToSign } from './canonical.js';
export { ChunkSignatures } from './chunk-signature.js';
export { ChunkedDecoder, type ChunkedOptions } from './chunked.js';
export { clockWindow, formatTimestamp, longestExpiry, readTimestamp } from './clock.js';
export { AuthError, type AwsAuthError, awsAuthError, type Failure, type Flavour } from './errors.js';
export { type DeclaredPayload, type Payload, unsignedPayload } from './payload.js';
export { isPresigned } from './presigned.js';
export {
  decodeQuery,
  type HeaderMap,
  limits,
  type QueryParameter,
  queryValue,
  type RawRequest,
  readHeaders,
  readTarget,
  type Target,
} from './request.js';
export { type CredentialScope, type Expected } from './scope.js';
export { deriveSigningKey, emptyHash, sha256Hex, signText } from './signing.js';
export { type Trailer } from './trailer.js';
export { checkBody, verifySignature } from './verify.js';
