import { AuthError } from './errors.js';
import { limits } from './request.js';

/** The only algorithm there is. */
export const algorithm = 'AWS4-HMAC-SHA256';

/** Whether `text` can be a signature: 64 hex digits in lower case, as every signer writes them. */
export function isSignature(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** The session token, if there is one. Its own proof is iam-service's. */
export function readToken(token: string | undefined): string | undefined {
  if (token !== undefined && token.length > limits.securityTokenBytes) throw new AuthError('InvalidToken');
  return token === '' ? undefined : token;
}
