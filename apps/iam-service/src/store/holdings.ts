import type { Holder, InlinePolicy } from '../domain/entities.js';
import { first, rows, type Queryable } from './query.js';

/** How often a policy is attached and how many entities it limits. */
export interface Usage {
  readonly attachments: number;
  readonly boundaries: number;
}

/** Policies attached to and written into the users, groups and roles of one account. */
export function holdings(db: Queryable, account: string) {
  return {
    async isAttached({ kind, id }: Holder, policyArn: string): Promise<boolean> {
      const text = `select 1 from attachment
        where account = $1 and holder_kind = $2 and holder_id = $3 and policy_arn = $4`;
      return (await first(db, 'attachment_is', text, [account, kind, id, policyArn])) !== undefined;
    },

    /** ARNs, at most ten. */
    async attachedTo({ kind, id }: Holder): Promise<string[]> {
      const text = `select policy_arn from attachment
        where account = $1 and holder_kind = $2 and holder_id = $3 order by policy_arn`;
      const found = await rows<{ policy_arn: string }>(db, 'attachment_of', text, [account, kind, id]);
      return found.map((row) => row.policy_arn);
    },

    async attach({ kind, id }: Holder, policyArn: string, at: Date): Promise<void> {
      const text = `insert into attachment (account, holder_kind, holder_id, policy_arn, attached_at)
        values ($1, $2, $3, $4, $5)`;
      await rows(db, 'attachment_add', text, [account, kind, id, policyArn, at]);
    },

    async detach({ kind, id }: Holder, policyArn: string): Promise<void> {
      const text = `delete from attachment
        where account = $1 and holder_kind = $2 and holder_id = $3 and policy_arn = $4`;
      await rows(db, 'attachment_remove', text, [account, kind, id, policyArn]);
    },

    /** Who has a policy, or is limited by it, with names. */
    async holdersOf(policyArn: string, use: 'permissions' | 'boundary'): Promise<(Holder & { path: string })[]> {
      const attached = `select a.holder_kind as kind, a.holder_id as id, coalesce(u.name, g.name, r.name) as name,
          coalesce(u.path, g.path, r.path) as path from attachment a
        left join iam_user u on a.holder_kind = 'user' and u.account = a.account and u.id = a.holder_id
        left join iam_group g on a.holder_kind = 'group' and g.account = a.account and g.id = a.holder_id
        left join role r on a.holder_kind = 'role' and r.account = a.account and r.id = a.holder_id
        where a.account = $1 and a.policy_arn = $2`;
      const limited = `select 'user' as kind, id, name, path from iam_user where account = $1 and boundary_arn = $2
        union all select 'role', id, name, path from role where account = $1 and boundary_arn = $2`;
      return rows(db, `holders_${use}`, use === 'permissions' ? attached : limited, [account, policyArn]);
    },

    /** Usage of every policy that is used at all, by ARN. */
    async usage(): Promise<Map<string, Usage>> {
      const text = `select arn, sum(attached)::int as attachments, sum(limiting)::int as boundaries from (
          select policy_arn as arn, 1 as attached, 0 as limiting from attachment where account = $1
          union all select boundary_arn, 0, 1 from iam_user where account = $1 and boundary_arn is not null
          union all select boundary_arn, 0, 1 from role where account = $1 and boundary_arn is not null
        ) uses group by arn`;
      const found = await rows<Usage & { arn: string }>(db, 'policy_usage', text, [account]);
      return new Map(found.map(({ arn, ...usage }) => [arn, usage]));
    },

    async inline({ kind, id }: Holder, name: string): Promise<InlinePolicy | undefined> {
      const text = `select name, document from inline_policy
        where account = $1 and holder_kind = $2 and holder_id = $3 and name = $4`;
      return first<InlinePolicy>(db, 'inline_policy', text, [account, kind, id, name]);
    },

    /** Few: all together have at most 10,240 characters. */
    async inlineOf({ kind, id }: Holder): Promise<InlinePolicy[]> {
      const text = `select name, document from inline_policy
        where account = $1 and holder_kind = $2 and holder_id = $3 order by name`;
      return rows<InlinePolicy>(db, 'inline_policies', text, [account, kind, id]);
    },

    async putInline({ kind, id }: Holder, { name, document }: InlinePolicy): Promise<void> {
      const text = `insert into inline_policy (account, holder_kind, holder_id, name, document)
        values ($1, $2, $3, $4, $5)
        on conflict (account, holder_kind, holder_id, name) do update set document = excluded.document`;
      await rows(db, 'inline_policy_put', text, [account, kind, id, name, document]);
    },

    async removeInline({ kind, id }: Holder, name: string): Promise<void> {
      const text = `delete from inline_policy
        where account = $1 and holder_kind = $2 and holder_id = $3 and name = $4`;
      await rows(db, 'inline_policy_remove', text, [account, kind, id, name]);
    },
  };
}
