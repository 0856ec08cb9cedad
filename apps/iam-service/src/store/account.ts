import type { Account } from '../domain/accounts.js';
import { first, rows, type Queryable } from './query.js';

/** What an account holds. */
export interface Counts {
  readonly users: number;
  readonly groups: number;
  readonly policies: number;
  readonly versions: number;
  readonly roles: number;
  readonly profiles: number;
  /** Identity providers. */
  readonly providers: number;
  readonly rootKeys: number;
}

/** One account. */
export function accountOf(db: Queryable, account: string) {
  return {
    /** When it was made; undefined when there is no such account. */
    async createdAt(): Promise<Date | undefined> {
      const text = 'select created_at from account where id = $1';
      return (await first<{ created_at: Date }>(db, 'account', text, [account]))?.created_at;
    },

    /** False when there is one already. */
    async add(at: Date): Promise<boolean> {
      const text = 'insert into account (id, created_at) values ($1, $2) on conflict (id) do nothing returning id';
      return (await first(db, 'account_add', text, [account, at])) !== undefined;
    },

    /** Undefined when it has none. */
    async alias(): Promise<string | undefined> {
      const text = 'select alias from account where id = $1';
      return (await first<{ alias: string | null }>(db, 'account_alias', text, [account]))?.alias ?? undefined;
    },

    /** The account that has an alias, among all accounts. */
    async aliasOwner(alias: string): Promise<string | undefined> {
      const text = 'select id from account where alias = $1';
      return (await first<{ id: string }>(db, 'account_of_alias', text, [alias]))?.id;
    },

    /** The alias must be free: see `aliasOwner`. */
    async setAlias(alias: string | undefined): Promise<void> {
      await rows(db, 'account_set_alias', 'update account set alias = $2 where id = $1', [account, alias ?? null]);
    },

    async counts(): Promise<Counts> {
      const text = `select (select count(*)::int from iam_user where account = $1) as users,
        (select count(*)::int from iam_group where account = $1) as groups,
        (select count(*)::int from policy where account = $1) as policies,
        (select count(*)::int from policy_version where account = $1) as versions,
        (select count(*)::int from role where account = $1) as roles,
        (select count(*)::int from instance_profile where account = $1) as profiles,
        (select count(*)::int from oidc_provider where account = $1) as providers,
        (select count(*)::int from access_key where account = $1 and user_id is null) as "rootKeys"`;
      const counts = await first<Counts>(db, 'account_counts', text, [account]);
      if (!counts) throw new Error('counting gave no row');
      return counts;
    },
  };
}

interface Row {
  id: string;
  alias: string | null;
  created_at: Date;
  root_keys: number;
}

/** Accounts by number, from behind `after`; for operators. */
export async function listAccounts(db: Queryable, after: string, limit: number): Promise<Account[]> {
  const text = `select id, alias, created_at,
      (select count(*)::int from access_key k where k.account = a.id and k.user_id is null) as root_keys
    from account a where id > $1 order by id limit $2`;
  const found = await rows<Row>(db, 'account_list', text, [after, limit]);
  return found.map(({ id, alias, created_at, root_keys }) => {
    return { id, alias: alias ?? undefined, createdAt: created_at, rootKeys: root_keys };
  });
}
