import { AuthError } from './errors.js';
import { type RawRequest, queryValue } from './request.js';

/** How the body of an S3 request is protected, from `x-amz-content-sha256`. */
export type Payload =
  | { readonly kind: 'sha256'; readonly hex: string }
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'chunked'; readonly signed: boolean; readonly trailer: boolean };

/** Signed in the place of the body's hash where the body is not signed. */
export const unsignedPayload = 'UNSIGNED-PAYLOAD';

const named: Readonly<Record<string, Payload>> = {
  [unsignedPayload]: { kind: 'unsigned' },
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { kind: 'chunked', signed: false, trailer: true },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { kind: 'chunked', signed: true, trailer: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { kind: 'chunked', signed: true, trailer: true },
};

/** What the canonical request ends with, and what it says about the body. */
export interface DeclaredPayload {
  readonly text: string;
  readonly payload: Payload;
}

/** Reads S3's declaration. The header is required, except in the presigned form, where none means unsigned. */
export function declaredPayload(request: RawRequest, presigned: boolean): DeclaredPayload {
  const text = request.headers.get('x-amz-content-sha256') ?? (presigned ? presignedHash(request) : undefined);
  if (text === undefined) throw new AuthError('MissingPayloadHash');
  const payload = Object.hasOwn(named, text) ? named[text] : undefined;
  if (payload) return { text, payload };
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new AuthError('InvalidPayloadHash');
  return { text, payload: { kind: 'sha256', hex: text.toLowerCase() } };
}

function presignedHash(request: RawRequest): string {
  return queryValue(request.target, 'X-Amz-Content-Sha256') ?? unsignedPayload;
}
