import type { Group } from '../domain/entities.js';
import type { Page } from '../domain/paging.js';
import { first, rows, type Queryable } from './query.js';

interface Row {
  account: string;
  id: string;
  name: string;
  path: string;
  created_at: Date;
}

const columns = 'account, id, name, path, created_at';

const toGroup = ({ created_at, ...row }: Row): Group => ({ ...row, createdAt: created_at });

/** The groups of one account and who is in them. */
export function groups(db: Queryable, account: string) {
  return {
    async byName(name: string): Promise<Group | undefined> {
      const text = `select ${columns} from iam_group where account = $1 and name_key = lower($2) and name = $2`;
      const row = await first<Row>(db, 'group_by_name', text, [account, name]);
      return row && toGroup(row);
    },

    /** Names that differ only in case are the same. */
    async nameTaken(name: string): Promise<boolean> {
      const text = 'select 1 from iam_group where account = $1 and name_key = lower($2)';
      return (await first(db, 'group_name_taken', text, [account, name])) !== undefined;
    },

    /** One more than the page has room for, by name. */
    async list(pathPrefix: string, { limit, after }: Page): Promise<Group[]> {
      const text = `select ${columns} from iam_group
        where account = $1 and left(path, length($2)) = $2 and name_key > $3 order by name_key limit $4`;
      return (await rows<Row>(db, 'group_list', text, [account, pathPrefix, after, limit + 1])).map(toGroup);
    },

    async ofUser(userId: string, { limit, after }: Page): Promise<Group[]> {
      const text = `select ${columns.replaceAll(/\w+/g, 'g.$&')} from iam_group g
        join membership m on m.account = g.account and m.group_id = g.id
        where g.account = $1 and m.user_id = $2 and g.name_key > $3 order by g.name_key limit $4`;
      return (await rows<Row>(db, 'group_of_user', text, [account, userId, after, limit + 1])).map(toGroup);
    },

    async add({ id, name, path, createdAt }: Group): Promise<void> {
      const text = `insert into iam_group (account, id, name, name_key, path, created_at)
        values ($1, $2, $3, lower($3), $4, $5)`;
      await rows(db, 'group_add', text, [account, id, name, path, createdAt]);
    },

    async rename(id: string, name: string, path: string): Promise<void> {
      const text = 'update iam_group set name = $3, name_key = lower($3), path = $4 where account = $1 and id = $2';
      await rows(db, 'group_rename', text, [account, id, name, path]);
    },

    async remove(id: string): Promise<void> {
      await rows(db, 'group_remove', 'delete from iam_group where account = $1 and id = $2', [account, id]);
    },

    async hasMember(groupId: string, userId: string): Promise<boolean> {
      const text = 'select 1 from membership where account = $1 and group_id = $2 and user_id = $3';
      return (await first(db, 'membership_is', text, [account, groupId, userId])) !== undefined;
    },

    async addMember(groupId: string, userId: string, at: Date): Promise<void> {
      const text = 'insert into membership (account, group_id, user_id, added_at) values ($1, $2, $3, $4)';
      await rows(db, 'membership_add', text, [account, groupId, userId, at]);
    },

    async removeMember(groupId: string, userId: string): Promise<void> {
      const text = 'delete from membership where account = $1 and group_id = $2 and user_id = $3';
      await rows(db, 'membership_remove', text, [account, groupId, userId]);
    },
  };
}
