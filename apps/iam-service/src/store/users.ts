import type { Tag, User } from '../domain/entities.js';
import type { Page } from '../domain/paging.js';
import { first, rows, type Queryable } from './query.js';

interface Row {
  account: string;
  id: string;
  name: string;
  path: string;
  boundary_arn: string | null;
  tags: Tag[];
  created_at: Date;
}

const columns = 'account, id, name, path, boundary_arn, tags, created_at';

function toUser({ account, id, name, path, boundary_arn, tags, created_at }: Row): User {
  return { account, id, name, path, boundaryArn: boundary_arn ?? undefined, tags, createdAt: created_at };
}

const toMaybe = (row: Row | undefined) => row && toUser(row);

/** The users of one account. */
export function users(db: Queryable, account: string) {
  return {
    async byName(name: string): Promise<User | undefined> {
      const text = `select ${columns} from iam_user where account = $1 and name_key = lower($2) and name = $2`;
      return toMaybe(await first<Row>(db, 'user_by_name', text, [account, name]));
    },

    async byId(id: string): Promise<User | undefined> {
      const text = `select ${columns} from iam_user where account = $1 and id = $2`;
      return toMaybe(await first<Row>(db, 'user_by_id', text, [account, id]));
    },

    /** Names that differ only in case are the same. */
    async nameTaken(name: string): Promise<boolean> {
      const text = 'select 1 from iam_user where account = $1 and name_key = lower($2)';
      return (await first(db, 'user_name_taken', text, [account, name])) !== undefined;
    },

    /** One more than the page has room for, by name. */
    async list(pathPrefix: string, { limit, after }: Page): Promise<User[]> {
      const text = `select ${columns} from iam_user
        where account = $1 and left(path, length($2)) = $2 and name_key > $3 order by name_key limit $4`;
      return (await rows<Row>(db, 'user_list', text, [account, pathPrefix, after, limit + 1])).map(toUser);
    },

    async ofGroup(groupId: string, { limit, after }: Page): Promise<User[]> {
      const text = `select ${columns.replaceAll(/\w+/g, 'u.$&')} from iam_user u
        join membership m on m.account = u.account and m.user_id = u.id
        where u.account = $1 and m.group_id = $2 and u.name_key > $3 order by u.name_key limit $4`;
      return (await rows<Row>(db, 'user_of_group', text, [account, groupId, after, limit + 1])).map(toUser);
    },

    /** Everyone whom a policy concerns, directly or through a group. */
    async withPolicy(policyArn: string): Promise<User[]> {
      const text = `select ${columns} from iam_user u where account = $1 and (boundary_arn = $2
        or exists (select 1 from attachment a where a.account = u.account and a.policy_arn = $2
          and a.holder_kind = 'user' and a.holder_id = u.id)
        or exists (select 1 from membership m join attachment a
          on a.account = m.account and a.holder_kind = 'group' and a.holder_id = m.group_id
          where m.account = u.account and m.user_id = u.id and a.policy_arn = $2))`;
      return (await rows<Row>(db, 'user_with_policy', text, [account, policyArn])).map(toUser);
    },

    async add(user: User): Promise<void> {
      const text = `insert into iam_user (account, id, name, name_key, path, boundary_arn, tags, created_at)
        values ($1, $2, $3, lower($3), $4, $5, $6, $7)`;
      const { id, name, path, boundaryArn, tags, createdAt } = user;
      await rows(db, 'user_add', text, [account, id, name, path, boundaryArn ?? null, JSON.stringify(tags), createdAt]);
    },

    async rename(id: string, name: string, path: string): Promise<void> {
      const text = 'update iam_user set name = $3, name_key = lower($3), path = $4 where account = $1 and id = $2';
      await rows(db, 'user_rename', text, [account, id, name, path]);
    },

    async setTags(id: string, tags: readonly Tag[]): Promise<void> {
      const text = 'update iam_user set tags = $3 where account = $1 and id = $2';
      await rows(db, 'user_tags', text, [account, id, JSON.stringify(tags)]);
    },

    async setBoundary(id: string, arn: string | undefined): Promise<void> {
      const text = 'update iam_user set boundary_arn = $3 where account = $1 and id = $2';
      await rows(db, 'user_boundary', text, [account, id, arn ?? null]);
    },

    async remove(id: string): Promise<void> {
      await rows(db, 'user_remove', 'delete from iam_user where account = $1 and id = $2', [account, id]);
    },
  };
}

/** Finds a user by unique id alone, for policies that name one; the answer tells the account. */
export async function userOfAnyAccount(db: Queryable, id: string): Promise<User | undefined> {
  return toMaybe(await first<Row>(db, 'user_of_any_account', `select ${columns} from iam_user where id = $1`, [id]));
}
