import { createHash, timingSafeEqual } from 'node:crypto';
import { hasCode } from '@keystead/errors';
import type { Session } from '@keystead/proto/common';
import {
  type Authentication,
  AuthError,
  type Expected,
  type RawRequest,
  readAuthentication,
  sha256Hex,
  type unsignedPayload,
  verifySignature,
} from '@keystead/sigv4';
import type { Caller } from '../server/signer.js';
import type { SigningKey, SigningKeySource } from './signing-keys.js';

/** What needs no key: shape, scope, clock and signed headers, before the body is read. Throws AuthError. */
export function readSignature(head: RawRequest, expected: Expected): Authentication {
  return readAuthentication(head, expected, Date.now());
}

/** Proves the signature over head and body, or over the head alone for a body that is not signed. Rejects with AuthError, or with what iam-service answers. */
export async function authenticate(
  keys: SigningKeySource,
  head: RawRequest,
  auth: Authentication,
  body: Buffer | typeof unsignedPayload,
): Promise<Caller> {
  const found = keys.peek(auth) ?? (await lookUp(keys, auth));
  verifySignature(head, auth, found.key, bodyHash(body));
  checkToken(auth.securityToken, found.sessionTokenSha256);
  return callerOf(auth, found);
}

/**
 * Whether the credential behind a signature that was proven earlier is still good, and what iam-service says of it now.
 * Rejects with AuthError UnknownAccessKey and ExpiredToken, or with what iam-service answers.
 */
export async function callerNow(keys: SigningKeySource, auth: Authentication): Promise<Caller> {
  return callerOf(auth, keys.peek(auth) ?? (await lookUp(keys, auth)));
}

function callerOf({ accessKeyId }: Authentication, { principal, session }: SigningKey): Caller {
  checkTime(session);
  return { principal, session, accessKeyId };
}

function bodyHash(body: Buffer | typeof unsignedPayload): string | undefined {
  if (typeof body === 'string') return body;
  return body.length > 0 ? sha256Hex(body) : undefined;
}

async function lookUp(keys: SigningKeySource, auth: Authentication): Promise<SigningKey> {
  let found: SigningKey | undefined;
  try {
    found = await keys.get(auth);
  } catch (error) {
    if (hasCode(error, 'ExpiredToken')) throw new AuthError('ExpiredToken');
    throw error;
  }
  if (!found) throw new AuthError('UnknownAccessKey');
  return found;
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
