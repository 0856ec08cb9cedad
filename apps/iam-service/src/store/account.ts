import { first, rows, type Queryable } from './query.js';

/** What an account holds. */
export interface Counts {
  readonly users: number;
  readonly groups: number;
  readonly policies: number;
  readonly versions: number;
}

/** One account. */
export function accountOf(db: Queryable, account: string) {
  return {
    /** When it was made; undefined when there is no such account. */
    async createdAt(): Promise<Date | undefined> {
      const text = 'select created_at from account where id = $1';
      return (await first<{ created_at: Date }>(db, 'account', text, [account]))?.created_at;
    },

    async add(at: Date): Promise<void> {
      const text = 'insert into account (id, created_at) values ($1, $2) on conflict (id) do nothing';
      await rows(db, 'account_add', text, [account, at]);
    },

    async counts(): Promise<Counts> {
      const text = `select (select count(*)::int from iam_user where account = $1) as users,
        (select count(*)::int from iam_group where account = $1) as groups,
        (select count(*)::int from policy where account = $1) as policies,
        (select count(*)::int from policy_version where account = $1) as versions`;
      const counts = await first<Counts>(db, 'account_counts', text, [account]);
      if (!counts) throw new Error('counting gave no row');
      return counts;
    },
  };
}
