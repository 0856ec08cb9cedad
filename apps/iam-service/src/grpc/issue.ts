import { createHash } from 'node:crypto';
import type { Credentials } from '@keystead/proto/iam-query';
import type { IssuedSession } from '../domain/entities.js';
import * as ids from '../domain/ids.js';
import type { Work } from './operation.js';

/** Makes temporary credentials and stores their session; the answer is the only place where the secrets stand. */
export async function issue(
  { random, secrets, storeOf }: Work,
  session: Omit<IssuedSession, 'accessKeyId'>,
): Promise<Credentials> {
  const accessKeyId = ids.accessKeyId(session.account, random, 'ASIA');
  const secret = ids.secretAccessKey(random);
  const token = ids.sessionToken(random);
  try {
    const wrappedSecret = await secrets.wrap(accessKeyId, secret);
    const tokenSha256 = createHash('sha256').update(token).digest();
    const store = storeOf(session.account);
    await store.sessions.add({ session: { ...session, accessKeyId }, wrappedSecret, tokenSha256 });
    return {
      accessKeyId,
      secretAccessKey: secret.toString('latin1'),
      sessionToken: token.toString('latin1'),
      expiration: session.expiresAt,
    };
  } finally {
    secret.fill(0);
    token.fill(0);
  }
}

/** SDKs read seconds; the session ends on one, so that nobody believes in more than there is. */
export function period(now: Date, seconds: number): { issuedAt: Date; expiresAt: Date } {
  return { issuedAt: now, expiresAt: new Date(Math.floor(now.getTime() / 1000 + seconds) * 1000) };
}
