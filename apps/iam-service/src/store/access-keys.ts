import type { AccessKey, KeyStatus, LastUse } from '../domain/entities.js';
import { first, rows, type Queryable } from './query.js';

interface Row {
  account: string;
  id: string;
  user_id: string | null;
  status: KeyStatus;
  created_at: Date;
  last_used_at: Date | null;
  last_used_service: string | null;
  last_used_region: string | null;
}

const columns = 'account, id, user_id, status, created_at, last_used_at, last_used_service, last_used_region';

function toKey(row: Row): AccessKey {
  const { last_used_at: at, last_used_service: service, last_used_region: region } = row;
  const lastUse = at === null ? undefined : { at, service: service ?? '', region: region ?? '' };
  return {
    account: row.account,
    id: row.id,
    userId: row.user_id ?? row.account,
    status: row.status,
    createdAt: row.created_at,
    lastUse,
  };
}

/** The access keys of one account. */
export function accessKeys(db: Queryable, account: string) {
  return {
    async byId(id: string): Promise<AccessKey | undefined> {
      const text = `select ${columns} from access_key where account = $1 and id = $2`;
      const row = await first<Row>(db, 'access_key_by_id', text, [account, id]);
      return row && toKey(row);
    },

    /** At most two. */
    async ofUser(userId: string): Promise<AccessKey[]> {
      const text = `select ${columns} from access_key where account = $1 and user_id = $2 order by id`;
      return (await rows<Row>(db, 'access_key_of_user', text, [account, userId])).map(toKey);
    },

    /** The root user's; at most two. */
    async ofRoot(): Promise<AccessKey[]> {
      const text = `select ${columns} from access_key where account = $1 and user_id is null order by id`;
      return (await rows<Row>(db, 'access_key_of_root', text, [account])).map(toKey);
    },

    async add(key: AccessKey, wrappedSecret: Uint8Array): Promise<void> {
      const text = `insert into access_key (account, id, user_id, status, wrapped_secret, created_at)
        values ($1, $2, $3, $4, $5, $6)`;
      const userId = key.userId === account ? null : key.userId;
      const values = [account, key.id, userId, key.status, Buffer.from(wrappedSecret), key.createdAt];
      await rows(db, 'access_key_add', text, values);
    },

    async setStatus(id: string, status: KeyStatus): Promise<void> {
      const text = 'update access_key set status = $3 where account = $1 and id = $2';
      await rows(db, 'access_key_status', text, [account, id, status]);
    },

    async remove(id: string): Promise<void> {
      await rows(db, 'access_key_remove', 'delete from access_key where account = $1 and id = $2', [account, id]);
    },
  };
}

/** An access key with what is needed to verify a signature of it. */
export interface StoredSecret {
  readonly key: AccessKey;
  readonly wrappedSecret: Uint8Array;
}

/** Finds a key by its id alone, because that is all an unverified request names; the answer tells the account. */
export async function accessKeyOfAnyAccount(db: Queryable, id: string): Promise<StoredSecret | undefined> {
  const text = `select ${columns}, wrapped_secret from access_key where id = $1`;
  const row = await first<Row & { wrapped_secret: Buffer }>(db, 'access_key_of_any_account', text, [id]);
  return row && { key: toKey(row), wrappedSecret: row.wrapped_secret };
}

/** Writes down uses of keys, and of roles by the keys of their sessions, each later than what is there. */
export async function recordUses(db: Queryable, uses: ReadonlyMap<string, LastUse>): Promise<void> {
  const text = `update access_key k set last_used_at = u.at, last_used_service = u.service, last_used_region = u.region
    from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[]) as u (id, at, service, region)
    where k.id = u.id and (k.last_used_at is null or k.last_used_at < u.at)`;
  const all = [...uses.values()];
  const values = [[...uses.keys()], all.map(({ at }) => at), all.map((u) => u.service), all.map((u) => u.region)];
  await rows(db, 'access_key_uses', text, values);
  const ofRoles = `update role r set last_used_at = u.at, last_used_region = u.region
    from (select distinct on (s.account, s.issuer_id) s.account, s.issuer_id, u.at, u.region
      from unnest($1::text[], $2::timestamptz[], $3::text[]) as u (id, at, region)
      join session s on s.access_key_id = u.id order by s.account, s.issuer_id, u.at desc) u
    where r.account = u.account and r.id = u.issuer_id and (r.last_used_at is null or r.last_used_at < u.at)`;
  await rows(db, 'role_uses', ofRoles, [...values.slice(0, 2), values[3]]);
}
