import type { Role, Tag } from '../domain/entities.js';
import type { Page } from '../domain/paging.js';
import { first, rows, type Queryable } from './query.js';

interface Row {
  account: string;
  id: string;
  name: string;
  path: string;
  description: string | null;
  max_session_duration: number;
  trust_policy: string;
  trust_principals: Record<string, string>;
  boundary_arn: string | null;
  tags: Tag[];
  created_at: Date;
  last_used_at: Date | null;
  last_used_region: string | null;
}

const columns = `account, id, name, path, description, max_session_duration, trust_policy, trust_principals, boundary_arn,
  tags, created_at, last_used_at, last_used_region`;

function toRole(row: Row): Role {
  const { account, id, name, path, tags, last_used_at: at } = row;
  return {
    account,
    id,
    name,
    path,
    description: row.description ?? undefined,
    maxSessionDuration: row.max_session_duration,
    trust: { document: row.trust_policy, principals: row.trust_principals },
    boundaryArn: row.boundary_arn ?? undefined,
    tags,
    createdAt: row.created_at,
    lastUse: at === null ? undefined : { at, region: row.last_used_region ?? '' },
  };
}

const toMaybe = (row: Row | undefined) => row && toRole(row);

/** The roles of one account. */
export function roles(db: Queryable, account: string) {
  const change = async (name: string, id: string, assignments: string, ...values: unknown[]): Promise<void> => {
    const text = `update role set ${assignments} where account = $1 and id = $2`;
    await rows(db, `role_${name}`, text, [account, id, ...values]);
  };
  return {
    async byName(name: string): Promise<Role | undefined> {
      const text = `select ${columns} from role where account = $1 and name_key = lower($2) and name = $2`;
      return toMaybe(await first<Row>(db, 'role_by_name', text, [account, name]));
    },

    async byId(id: string): Promise<Role | undefined> {
      const text = `select ${columns} from role where account = $1 and id = $2`;
      return toMaybe(await first<Row>(db, 'role_by_id', text, [account, id]));
    },

    /** Names that differ only in case are the same. */
    async nameTaken(name: string): Promise<boolean> {
      const text = 'select 1 from role where account = $1 and name_key = lower($2)';
      return (await first(db, 'role_name_taken', text, [account, name])) !== undefined;
    },

    async count(): Promise<number> {
      const text = 'select count(*)::int as count from role where account = $1';
      return (await first<{ count: number }>(db, 'role_count', text, [account]))?.count ?? 0;
    },

    /** One more than the page has room for, by name. */
    async list(pathPrefix: string, { limit, after }: Page): Promise<Role[]> {
      const text = `select ${columns} from role
        where account = $1 and left(path, length($2)) = $2 and name_key > $3 order by name_key limit $4`;
      return (await rows<Row>(db, 'role_list', text, [account, pathPrefix, after, limit + 1])).map(toRole);
    },

    /** Everyone whom a policy concerns. */
    async withPolicy(policyArn: string): Promise<Role[]> {
      const text = `select ${columns} from role r where account = $1 and (boundary_arn = $2
        or exists (select 1 from attachment a where a.account = r.account and a.policy_arn = $2
          and a.holder_kind = 'role' and a.holder_id = r.id))`;
      return (await rows<Row>(db, 'role_with_policy', text, [account, policyArn])).map(toRole);
    },

    async add(role: Role): Promise<void> {
      const text = `insert into role (account, id, name, name_key, path, description, max_session_duration, trust_policy,
          trust_principals, boundary_arn, tags, created_at)
        values ($1, $2, $3, lower($3), $4, $5, $6, $7, $8, $9, $10, $11)`;
      await rows(db, 'role_add', text, [
        ...[account, role.id, role.name, role.path, role.description ?? null, role.maxSessionDuration],
        ...[role.trust.document, JSON.stringify(role.trust.principals), role.boundaryArn ?? null],
        ...[JSON.stringify(role.tags), role.createdAt],
      ]);
    },

    describe: (id: string, description: string | undefined) =>
      change('describe', id, 'description = $3', description ?? null),
    setMaxSessionDuration: (id: string, seconds: number) =>
      change('duration', id, 'max_session_duration = $3', seconds),
    setTrust: (id: string, { document, principals }: Role['trust']) =>
      change('trust', id, 'trust_policy = $3, trust_principals = $4', document, JSON.stringify(principals)),
    setTags: (id: string, tags: readonly Tag[]) => change('tags', id, 'tags = $3', JSON.stringify(tags)),
    setBoundary: (id: string, arn: string | undefined) => change('boundary', id, 'boundary_arn = $3', arn ?? null),

    async remove(id: string): Promise<void> {
      await rows(db, 'role_remove', 'delete from role where account = $1 and id = $2', [account, id]);
    },
  };
}

/** Finds a role by unique id alone, for policies that name one; the answer tells the account. */
export async function roleOfAnyAccount(db: Queryable, id: string): Promise<Role | undefined> {
  return toMaybe(await first<Row>(db, 'role_of_any_account', `select ${columns} from role where id = $1`, [id]));
}
