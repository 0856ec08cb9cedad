import { awsManagedPolicies } from '../domain/aws-managed-policies.js';
import type { Role, User } from '../domain/entities.js';
import { rows, type Queryable } from './query.js';

/** How a policy came to apply to a user or role. */
export type PolicySource =
  'user-inline' | 'user-managed' | 'group-inline' | 'group-managed' | 'role-inline' | 'role-managed' | 'boundary';

/** A policy that applies to a user or role; `group` is empty when it is their own. */
export interface AppliedPolicy {
  readonly source: PolicySource;
  /** The ARN of a managed policy, else the name. */
  readonly name: string;
  readonly group: string;
  readonly document: string;
}

interface Row {
  source: PolicySource;
  name: string;
  group: string;
  document: string | null;
}

// A managed policy without a document here is AWS's.
const managed = `managed as (
    select p.arn, v.document from policy p
    join policy_version v on v.account = p.account and v.policy_id = p.id and v.number = p.default_version
    where p.account = $1
  )`;

// One statement each, so that all of it is of one moment.
const ofUser = `
  with groups as (
    select g.id, g.name from membership m join iam_group g on g.account = m.account and g.id = m.group_id
    where m.account = $1 and m.user_id = $2
  ), ${managed}
  select 1 as place, 'user-inline' as source, i.name, '' as "group", i.document from inline_policy i
    where i.account = $1 and i.holder_kind = 'user' and i.holder_id = $2
  union all select 2, 'user-managed', a.policy_arn, '', m.document from attachment a
    left join managed m on m.arn = a.policy_arn
    where a.account = $1 and a.holder_kind = 'user' and a.holder_id = $2
  union all select 3, 'group-inline', i.name, g.name, i.document from groups g
    join inline_policy i on i.account = $1 and i.holder_kind = 'group' and i.holder_id = g.id
  union all select 4, 'group-managed', a.policy_arn, g.name, m.document from groups g
    join attachment a on a.account = $1 and a.holder_kind = 'group' and a.holder_id = g.id
    left join managed m on m.arn = a.policy_arn
  union all select 5, 'boundary', u.boundary_arn, '', m.document from iam_user u
    left join managed m on m.arn = u.boundary_arn
    where u.account = $1 and u.id = $2 and u.boundary_arn is not null
  order by place, "group", name`;

const ofRole = `
  with ${managed}
  select 1 as place, 'role-inline' as source, i.name, '' as "group", i.document from inline_policy i
    where i.account = $1 and i.holder_kind = 'role' and i.holder_id = $2
  union all select 2, 'role-managed', a.policy_arn, '', m.document from attachment a
    left join managed m on m.arn = a.policy_arn
    where a.account = $1 and a.holder_kind = 'role' and a.holder_id = $2
  union all select 3, 'boundary', r.boundary_arn, '', m.document from role r
    left join managed m on m.arn = r.boundary_arn
    where r.account = $1 and r.id = $2 and r.boundary_arn is not null
  order by place, name`;

/** Every policy that applies to a user. Throws when a document is missing, so that no Deny is ever lost. */
export async function policiesOf(db: Queryable, { account, id }: User): Promise<AppliedPolicy[]> {
  return complete(id, await rows<Row>(db, 'policies_of_user', ofUser, [account, id]));
}

/** The same for a role. */
export async function policiesOfRole(db: Queryable, { account, id }: Role): Promise<AppliedPolicy[]> {
  return complete(id, await rows<Row>(db, 'policies_of_role', ofRole, [account, id]));
}

function complete(holder: string, found: readonly Row[]): AppliedPolicy[] {
  return found.map(({ source, name, group, document }) => {
    const written = document ?? awsManagedPolicies.get(name)?.version.document;
    if (written === undefined) throw new Error(`policy ${name} of ${holder} has no document`);
    return { source, name, group, document: written };
  });
}
