import type { InstanceProfile, Tag } from '../domain/entities.js';
import type { Page } from '../domain/paging.js';
import { first, rows, type Queryable } from './query.js';

interface Row {
  account: string;
  id: string;
  name: string;
  path: string;
  role_id: string | null;
  tags: Tag[];
  created_at: Date;
}

const columns = 'account, id, name, path, role_id, tags, created_at';

function toProfile({ role_id, created_at, ...row }: Row): InstanceProfile {
  return { ...row, roleId: role_id ?? undefined, createdAt: created_at };
}

/** The instance profiles of one account. */
export function instanceProfiles(db: Queryable, account: string) {
  return {
    async byName(name: string): Promise<InstanceProfile | undefined> {
      const text = `select ${columns} from instance_profile where account = $1 and name_key = lower($2) and name = $2`;
      const row = await first<Row>(db, 'instance_profile_by_name', text, [account, name]);
      return row && toProfile(row);
    },

    /** Names that differ only in case are the same. */
    async nameTaken(name: string): Promise<boolean> {
      const text = 'select 1 from instance_profile where account = $1 and name_key = lower($2)';
      return (await first(db, 'instance_profile_name_taken', text, [account, name])) !== undefined;
    },

    async count(): Promise<number> {
      const text = 'select count(*)::int as count from instance_profile where account = $1';
      return (await first<{ count: number }>(db, 'instance_profile_count', text, [account]))?.count ?? 0;
    },

    /** One more than the page has room for, by name. */
    async list(pathPrefix: string, { limit, after }: Page): Promise<InstanceProfile[]> {
      const text = `select ${columns} from instance_profile
        where account = $1 and left(path, length($2)) = $2 and name_key > $3 order by name_key limit $4`;
      const values = [account, pathPrefix, after, limit + 1];
      return (await rows<Row>(db, 'instance_profile_list', text, values)).map(toProfile);
    },

    /** One more than the page has room for, by name. */
    async ofRole(roleId: string, { limit, after }: Page): Promise<InstanceProfile[]> {
      const text = `select ${columns} from instance_profile
        where account = $1 and role_id = $2 and name_key > $3 order by name_key limit $4`;
      const values = [account, roleId, after, limit + 1];
      return (await rows<Row>(db, 'instance_profile_of_role', text, values)).map(toProfile);
    },

    async add({ id, name, path, tags, createdAt }: InstanceProfile): Promise<void> {
      const text = `insert into instance_profile (account, id, name, name_key, path, tags, created_at)
        values ($1, $2, $3, lower($3), $4, $5, $6)`;
      await rows(db, 'instance_profile_add', text, [account, id, name, path, JSON.stringify(tags), createdAt]);
    },

    async setRole(id: string, roleId: string | undefined): Promise<void> {
      const text = 'update instance_profile set role_id = $3 where account = $1 and id = $2';
      await rows(db, 'instance_profile_role', text, [account, id, roleId ?? null]);
    },

    async setTags(id: string, tags: readonly Tag[]): Promise<void> {
      const text = 'update instance_profile set tags = $3 where account = $1 and id = $2';
      await rows(db, 'instance_profile_tags', text, [account, id, JSON.stringify(tags)]);
    },

    async remove(id: string): Promise<void> {
      const text = 'delete from instance_profile where account = $1 and id = $2';
      await rows(db, 'instance_profile_remove', text, [account, id]);
    },
  };
}
