import type * as wire from '@keystead/proto/iam-query';
import { entityArn, parseIamArn, policyArn } from '../../domain/arn.js';
import { awsManagedPolicies } from '../../domain/aws-managed-policies.js';
import type { Group, Holder, ManagedPolicy, Role, User } from '../../domain/entities.js';
import { oneOf } from '../../domain/fields.js';
import { pageOf, readPage } from '../../domain/paging.js';
import { quotas } from '../../domain/quotas.js';
import type { Usage } from '../../store/holdings.js';
import type { IamStore } from '../../store/iam-store.js';
import { policyVersions } from '../managed-policy.js';
import { reads } from '../operation.js';
import { accountTarget } from '../targets.js';
import { wireInstanceProfile, wireRole, wireUser, wireVersion } from '../wire.js';

const filters = ['User', 'Role', 'Group', 'LocalManagedPolicy', 'AWSManagedPolicy'] as const;
type Filter = (typeof filters)[number];

/** Something that the answer describes; details are read only for those of the page. */
type Entry =
  | { readonly kind: 'user'; readonly key: string; readonly user: User }
  | { readonly kind: 'group'; readonly key: string; readonly group: Group }
  | { readonly kind: 'role'; readonly key: string; readonly role: Role }
  | { readonly kind: 'policy'; readonly key: string; readonly policy: ManagedPolicy };

export const getAccountAuthorizationDetails = reads('iam:GetAccountAuthorizationDetails', {
  check: (request: wire.GetAccountAuthorizationDetailsRequest) => ({
    filter: new Set<Filter>(
      request.filter.length === 0 ? filters : request.filter.map((word) => oneOf('filter', word, filters)),
    ),
    page: readPage(request),
  }),
  target: (_, { caller }) => accountTarget(caller.account),
  run: async ({ filter, page }, { store }) => {
    const usage = await store.holdings.usage();
    const { items, ...rest } = pageOf(await entries(store, filter, usage), page, ({ key }) => key);
    const answer: wire.GetAccountAuthorizationDetailsResponse = {
      ...{ userDetailList: [], groupDetailList: [], roleDetailList: [], policies: [], ...rest },
    };
    for (const entry of items) {
      if (entry.kind === 'user') answer.userDetailList.push(await userDetail(store, entry.user));
      else if (entry.kind === 'group') answer.groupDetailList.push(await groupDetail(store, entry.group));
      else if (entry.kind === 'role') answer.roleDetailList.push(await roleDetail(store, entry.role));
      else answer.policies.push(await policyDetail(store, entry.policy, usage));
    }
    return answer;
  },
});

async function entries(store: IamStore, filter: ReadonlySet<Filter>, usage: Map<string, Usage>): Promise<Entry[]> {
  const all: Entry[] = [];
  if (filter.has('User')) {
    const users = await store.users.list('/', { limit: quotas.UsersQuota, after: '' });
    all.push(...users.map((user) => ({ kind: 'user' as const, key: `1/${user.name.toLowerCase()}`, user })));
  }
  if (filter.has('Group')) {
    const groups = await store.groups.list('/', { limit: quotas.GroupsQuota, after: '' });
    all.push(...groups.map((group) => ({ kind: 'group' as const, key: `2/${group.name.toLowerCase()}`, group })));
  }
  if (filter.has('Role')) {
    const roles = await store.roles.list('/', { limit: quotas.RolesQuota, after: '' });
    all.push(...roles.map((role) => ({ kind: 'role' as const, key: `3/${role.name.toLowerCase()}`, role })));
  }
  const policies = filter.has('LocalManagedPolicy') ? await store.policies.list('/') : [];
  if (filter.has('AWSManagedPolicy')) {
    // AWS tells its own policies only where the account uses them.
    for (const [arn, { policy }] of awsManagedPolicies) if (usage.has(arn)) policies.push(policy);
  }
  all.push(...policies.map((policy) => ({ kind: 'policy' as const, key: `4/${arnOf(policy)}`, policy })));
  return all;
}

const arnOf = ({ account, path, name }: ManagedPolicy) => policyArn(account, path, name);

async function userDetail(store: IamStore, user: User): Promise<wire.UserDetail> {
  const holder: Holder = { kind: 'user', id: user.id, name: user.name };
  const shown = wireUser(user, { tags: true });
  const groups = await store.groups.ofUser(user.id, { limit: quotas.GroupsPerUserQuota, after: '' });
  return {
    ...shown,
    userPolicyList: await inlineOf(store, holder),
    groupList: groups.map(({ name }) => name),
    attachedManagedPolicies: await attachedTo(store, holder),
  };
}

async function groupDetail(store: IamStore, group: Group): Promise<wire.GroupDetail> {
  const { id, name, path, createdAt } = group;
  const holder: Holder = { kind: 'group', id, name };
  return {
    ...{ path, groupName: name, groupId: id, arn: entityArn('group', group), createDate: createdAt },
    groupPolicyList: await inlineOf(store, holder),
    attachedManagedPolicies: await attachedTo(store, holder),
  };
}

async function roleDetail(store: IamStore, role: Role): Promise<wire.RoleDetail> {
  const shown = wireRole(role, { details: true });
  const holder: Holder = { kind: 'role', id: role.id, name: role.name };
  const profiles = await store.instanceProfiles.ofRole(role.id, { limit: 1_000, after: '' });
  return {
    ...shown,
    instanceProfileList: profiles.map((profile) => wireInstanceProfile(profile, role, { details: true })),
    rolePolicyList: await inlineOf(store, holder),
    attachedManagedPolicies: await attachedTo(store, holder),
  };
}

async function inlineOf(store: IamStore, holder: Holder): Promise<wire.PolicyDetail[]> {
  const inline = await store.holdings.inlineOf(holder);
  return inline.map(({ name, document }) => ({ policyName: name, policyDocument: document }));
}

async function attachedTo(store: IamStore, holder: Holder): Promise<wire.AttachedPolicy[]> {
  const arns = await store.holdings.attachedTo(holder);
  return arns.map((arn) => ({ policyName: parseIamArn(arn)?.name, policyArn: arn }));
}

async function policyDetail(
  store: IamStore,
  policy: ManagedPolicy,
  usage: Map<string, Usage>,
): Promise<wire.ManagedPolicyDetail> {
  const arn = arnOf(policy);
  const versions = await policyVersions(store, arn, policy);
  return {
    ...{ policyName: policy.name, policyId: policy.id, arn, path: policy.path, isAttachable: true },
    defaultVersionId: `v${policy.defaultVersion}`,
    attachmentCount: usage.get(arn)?.attachments ?? 0,
    permissionsBoundaryUsageCount: usage.get(arn)?.boundaries ?? 0,
    description: policy.description,
    createDate: policy.createdAt,
    updateDate: policy.updatedAt,
    policyVersionList: versions.map((version) => wireVersion(version, policy.defaultVersion, { document: true })),
  };
}
