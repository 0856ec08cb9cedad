import type { Authentication } from './authentication.js';
import { canonicalRequest, stringToSign } from './canonical.js';
import { queryPart } from './encoding.js';
import { AuthError } from './errors.js';
import type { RawRequest } from './request.js';
import { emptyHash, signatureMatches } from './signing.js';

/**
 * Proves that `auth` was made for this request by a holder of the secret behind `signingKey` (32 bytes, of exactly the
 * access key, date, Region and service in `auth`). Throws AuthError('SignatureMismatch').
 *
 * `bodyHash` is the SHA-256 of the body in hex, counted by the caller. S3 signs its declaration instead: there it may be
 * left out, and the caller holds the body against `auth.declared` as it streams (`checkBody`, `ChunkedDecoder`).
 */
export function verifySignature(
  request: RawRequest,
  auth: Authentication,
  signingKey: Uint8Array,
  bodyHash: string = emptyHash,
): void {
  const canonical = canonicalRequest(request, auth.signedHeaders, auth.declared?.text ?? bodyHash, auth.flavour);
  const text = stringToSign(auth, canonical);
  if (signatureMatches(signingKey, text, auth.signature)) return;
  throw auth.flavour === 's3' ? s3Mismatch(auth, text, canonical) : new AuthError('SignatureMismatch');
}

/** Holds the SHA-256 of a received body against its declaration. */
export function checkBody(auth: Authentication, bodyHash: string): void {
  const payload = auth.declared?.payload;
  if (payload?.kind !== 'sha256' || payload.hex === bodyHash) return;
  const details = { ClientComputedContentSHA256: payload.hex, S3ComputedContentSHA256: bodyHash };
  throw new AuthError('PayloadMismatch', '', details);
}

/** S3 tells what it signed, so that a client can be put right; it is made of what the client sent. */
function s3Mismatch(auth: Authentication, text: string, canonical: string): AuthError {
  return new AuthError('SignatureMismatch', '', {
    AWSAccessKeyId: auth.accessKeyId,
    StringToSign: text,
    SignatureProvided: auth.signature,
    CanonicalRequest: hideToken(canonical, auth.securityToken),
  });
}

function hideToken(canonical: string, token: string | undefined): string {
  return token === undefined ? canonical : canonical.replaceAll(token, '***').replaceAll(queryPart(token), '***');
}
