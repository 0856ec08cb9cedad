import { AuthError, readAuthentication, verifySignature } from '@keystead/sigv4';
import type { Authentication } from '@keystead/sigv4';
import { equalBytes, sha256 } from '@keystead/crypto/hash';
import type { CallContext } from '@keystead/proto/common';
import type { GetSigningKeyResponse } from '@keystead/proto/iam';
import type { Identity } from '../../clients/identity.js';
import type { RequestHead, S3Request } from './request.js';

const MOST_USER_AGENT = 1024;

/**
 * Proves who sent a request. The clock is the real one: a virtual clock never moves SigV4's window.
 *
 * @throws {AuthError}
 */
export async function authenticate(head: RequestHead, identity: Identity, region: string): Promise<S3Request> {
  const { method, target, headers } = head;
  const raw = { method, target, headers };
  const auth = readAuthentication(raw, { flavour: 's3', services: ['s3'], regions: [region] }, Date.now());
  const key = await identity.signingKey(auth);
  checkSessionToken(auth, key);
  verifySignature(raw, auth, key.signingKey);
  const header = (name: string): string | undefined => headers.get(name);
  return { ...head, auth, signingKey: key.signingKey, context: contextOf(head, auth, key), header };
}

/** Temporary credentials come with their token, within their time; long-term ones with none. */
function checkSessionToken(
  { securityToken, accessKeyId }: Authentication,
  { session, sessionTokenSha256: expected }: GetSigningKeyResponse,
): void {
  const isTemporary = expected.length > 0;
  if (isTemporary && securityToken === undefined)
    throw new AuthError('UnknownAccessKey', '', { AWSAccessKeyId: accessKeyId });
  if (securityToken !== undefined && !(isTemporary && equalBytes(sha256(Buffer.from(securityToken)), expected)))
    throw new AuthError('InvalidToken');
  if (session && Date.now() >= Number(session.expiresAtMs)) throw new AuthError('ExpiredToken');
}

function contextOf(head: RequestHead, auth: Authentication, key: GetSigningKeyResponse): CallContext {
  const { requestId, sourceIp, tlsVersion, cipherSuite } = head.arrival;
  const clientProvidedHostHeader = head.headers.get('host') ?? '';
  return {
    principal: key.principal,
    accessKeyId: auth.accessKeyId,
    session: key.session,
    sourceIp,
    userAgent: (head.headers.get('user-agent') ?? '').slice(0, MOST_USER_AGENT),
    tls: { version: tlsVersion, cipherSuite, clientProvidedHostHeader },
    viaService: '',
    requestId,
  };
}
