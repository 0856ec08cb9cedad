import type { IssuedSession, SessionFacts } from '../domain/entities.js';
import { first, rows, type Queryable } from './query.js';

interface Row {
  access_key_id: string;
  account: string;
  issuer_id: string;
  name: string | null;
  facts: SessionFacts;
  issued_at: Date;
  expires_at: Date;
}

/** A session with what is needed to verify a signature of it. */
export interface StoredSession {
  readonly session: IssuedSession;
  readonly wrappedSecret: Uint8Array;
  /** 32 bytes. */
  readonly tokenSha256: Uint8Array;
}

const columns = 'access_key_id, account, issuer_id, name, facts, issued_at, expires_at';

function toSession(row: Row): IssuedSession {
  return {
    accessKeyId: row.access_key_id,
    account: row.account,
    issuerId: row.issuer_id,
    name: row.name ?? undefined,
    facts: row.facts,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
  };
}

/** The sessions that the roles and users of one account have issued. */
export function sessions(db: Queryable, account: string) {
  return {
    async add({ session, wrappedSecret, tokenSha256 }: StoredSession): Promise<void> {
      const text = `insert into session (access_key_id, account, issuer_id, name, wrapped_secret, token_sha256, facts,
          issued_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`;
      const { accessKeyId, issuerId, name, facts, issuedAt, expiresAt } = session;
      await rows(db, 'session_add', text, [
        ...[accessKeyId, account, issuerId, name ?? null, Buffer.from(wrappedSecret), Buffer.from(tokenSha256)],
        ...[JSON.stringify(facts), issuedAt, expiresAt],
      ]);
    },

    /** Ends all sessions of an issuer; answers their access key ids. */
    async removeOf(issuerId: string): Promise<string[]> {
      const text = 'delete from session where account = $1 and issuer_id = $2 returning access_key_id as id';
      return (await rows<{ id: string }>(db, 'session_remove_of', text, [account, issuerId])).map(({ id }) => id);
    },
  };
}

/** Finds a session by its access key alone, because that is all an unverified request names. */
export async function sessionOfAnyAccount(db: Queryable, accessKeyId: string): Promise<StoredSession | undefined> {
  const text = `select ${columns}, wrapped_secret, token_sha256 from session where access_key_id = $1`;
  const row = await first<Row & { wrapped_secret: Buffer; token_sha256: Buffer }>(db, 'session', text, [accessKeyId]);
  return row && { session: toSession(row), wrappedSecret: row.wrapped_secret, tokenSha256: row.token_sha256 };
}

/** Forgets some of the sessions that ended before then; answers how many. */
export async function removeExpired(db: Queryable, before: Date): Promise<number> {
  const text = `delete from session where access_key_id in
    (select access_key_id from session where expires_at < $1 order by expires_at limit 1000) returning access_key_id`;
  return (await rows(db, 'session_expired', text, [before])).length;
}
