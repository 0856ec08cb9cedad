import { createHash, timingSafeEqual } from 'node:crypto';
import { hasCode } from '@keystead/errors';
import type { Principal, Session } from '@keystead/proto/common';
import {
  type Authentication,
  AuthError,
  type Expected,
  type RawRequest,
  readAuthentication,
  sha256Hex,
  verifySignature,
} from '@keystead/sigv4';
import type { SigningKey, SigningKeySource } from '../clients/signing-keys.js';

/** Who signed a request, proven. */
export interface Caller {
  readonly principal: Principal;
  readonly session: Session | undefined;
  readonly accessKeyId: string;
}

/** What needs no key: shape, scope, clock and signed headers, before the body is read. Throws AuthError. */
export function readSignature(head: RawRequest, expected: Expected): Authentication {
  return readAuthentication(head, expected, Date.now());
}

/** Proves the signature over head and body. Rejects with AuthError, or with what iam-service answers. */
export async function authenticate(
  keys: SigningKeySource,
  head: RawRequest,
  auth: Authentication,
  body: Buffer,
): Promise<Caller> {
  const found = keys.peek(auth) ?? (await lookUp(keys, auth));
  if (!found) throw new AuthError('UnknownAccessKey');
  verifySignature(head, auth, found.key, body.length > 0 ? sha256Hex(body) : undefined);
  checkToken(auth.securityToken, found.sessionTokenSha256);
  checkTime(found.session);
  return { principal: found.principal, session: found.session, accessKeyId: auth.accessKeyId };
}

async function lookUp(keys: SigningKeySource, auth: Authentication): Promise<SigningKey | undefined> {
  try {
    return await keys.get(auth);
  } catch (error) {
    if (hasCode(error, 'ExpiredToken')) throw new AuthError('ExpiredToken');
    throw error;
  }
}

/** Temporary credentials come with their token, others without one. */
function checkToken(given: string | undefined, wanted: Uint8Array): void {
  const isTemporary = wanted.length > 0;
  if (isTemporary !== (given !== undefined)) throw new AuthError('InvalidToken');
  if (given === undefined) return;
  const hash = createHash('sha256').update(given).digest();
  if (hash.length !== wanted.length || !timingSafeEqual(hash, wanted)) throw new AuthError('InvalidToken');
}

/** A key in memory outlives its session; what it signs does not. */
function checkTime(session: Session | undefined): void {
  if (session && Date.now() >= Number(session.expiresAtMs)) throw new AuthError('ExpiredToken');
}
