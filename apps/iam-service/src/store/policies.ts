import type { ManagedPolicy, PolicyVersion, Tag } from '../domain/entities.js';
import { first, rows, type Queryable } from './query.js';
import { policyArn } from '../domain/arn.js';

interface Row {
  account: string;
  id: string;
  name: string;
  path: string;
  description: string | null;
  default_version: number;
  tags: Tag[];
  created_at: Date;
  updated_at: Date;
}

interface VersionRow {
  number: number;
  document: string;
  created_at: Date;
}

const columns = 'account, id, name, path, description, default_version, tags, created_at, updated_at';

function toPolicy(row: Row): ManagedPolicy {
  const { account, id, name, path, tags } = row;
  const description = row.description ?? undefined;
  const times = { createdAt: row.created_at, updatedAt: row.updated_at };
  return { account, id, name, path, description, defaultVersion: row.default_version, tags, ...times };
}

const toVersion = ({ number, document, created_at }: VersionRow) => ({ number, document, createdAt: created_at });

/** The customer-managed policies of one account; AWS's own are in domain/aws-managed-policies.ts. */
export function policies(db: Queryable, account: string) {
  return {
    async byArn(arn: string): Promise<ManagedPolicy | undefined> {
      const text = `select ${columns} from policy where account = $1 and arn = $2`;
      const row = await first<Row>(db, 'policy_by_arn', text, [account, arn]);
      return row && toPolicy(row);
    },

    /** Names that differ only in case are the same, whatever the path. */
    async nameTaken(name: string): Promise<boolean> {
      const text = 'select 1 from policy where account = $1 and name_key = lower($2)';
      return (await first(db, 'policy_name_taken', text, [account, name])) !== undefined;
    },

    /** All of the account (1,500 at most) under a path. */
    async list(pathPrefix: string): Promise<ManagedPolicy[]> {
      const text = `select ${columns} from policy where account = $1 and left(path, length($2)) = $2`;
      return (await rows<Row>(db, 'policy_list', text, [account, pathPrefix])).map(toPolicy);
    },

    async add(policy: ManagedPolicy, document: string): Promise<void> {
      const { id, name, path, description, tags, createdAt } = policy;
      const text = `insert into policy (account, id, arn, name, name_key, path, description, default_version, next_version,
          tags, created_at, updated_at) values ($1, $2, $3, $4, lower($4), $5, $6, 1, 2, $7, $8, $8)`;
      const arn = policyArn(account, path, name);
      await rows(db, 'policy_add', text, [
        account,
        id,
        arn,
        name,
        path,
        description ?? null,
        JSON.stringify(tags),
        createdAt,
      ]);
      await this.addVersion(id, { number: 1, document, createdAt });
    },

    /** The number for a new version. */
    async takeVersion(id: string, at: Date): Promise<number> {
      const text = `update policy set next_version = next_version + 1, updated_at = $3
        where account = $1 and id = $2 returning next_version - 1 as number`;
      const row = await first<{ number: number }>(db, 'policy_take_version', text, [account, id, at]);
      if (!row) throw new Error(`policy ${id} vanished inside its change`);
      return row.number;
    },

    async addVersion(id: string, { number, document, createdAt }: PolicyVersion): Promise<void> {
      const text = `insert into policy_version (account, policy_id, number, document, created_at)
        values ($1, $2, $3, $4, $5)`;
      await rows(db, 'policy_version_add', text, [account, id, number, document, createdAt]);
    },

    async version(id: string, number: number): Promise<PolicyVersion | undefined> {
      const text = `select number, document, created_at from policy_version
        where account = $1 and policy_id = $2 and number = $3`;
      const row = await first<VersionRow>(db, 'policy_version', text, [account, id, number]);
      return row && toVersion(row);
    },

    /** At most five. */
    async versions(id: string): Promise<PolicyVersion[]> {
      const text = `select number, document, created_at from policy_version
        where account = $1 and policy_id = $2 order by number desc`;
      return (await rows<VersionRow>(db, 'policy_versions', text, [account, id])).map(toVersion);
    },

    async setDefault(id: string, number: number, at: Date): Promise<void> {
      const text = 'update policy set default_version = $3, updated_at = $4 where account = $1 and id = $2';
      await rows(db, 'policy_set_default', text, [account, id, number, at]);
    },

    async setTags(id: string, tags: readonly Tag[]): Promise<void> {
      const text = 'update policy set tags = $3 where account = $1 and id = $2';
      await rows(db, 'policy_tags', text, [account, id, JSON.stringify(tags)]);
    },

    async removeVersion(id: string, number: number): Promise<void> {
      const text = 'delete from policy_version where account = $1 and policy_id = $2 and number = $3';
      await rows(db, 'policy_version_remove', text, [account, id, number]);
    },

    async remove(id: string): Promise<void> {
      await rows(db, 'policy_versions_remove', 'delete from policy_version where account = $1 and policy_id = $2', [
        account,
        id,
      ]);
      await rows(db, 'policy_remove', 'delete from policy where account = $1 and id = $2', [account, id]);
    },
  };
}
