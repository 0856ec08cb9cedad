import type * as wire from '@keystead/proto/iam-query';
import { parseIamArn } from '../../domain/arn.js';
import type { EntityKind } from '../../domain/entities.js';
import { oneOf, pathPrefix, policyArn, policyUse } from '../../domain/fields.js';
import { found, noPolicy } from '../../domain/not-found.js';
import { pageOf, readPage, type Page } from '../../domain/paging.js';
import { checkQuota, quotas } from '../../domain/quotas.js';
import {
  changeableHolder,
  holderTarget,
  namedGroup,
  namedRole,
  namedUser,
  policyHolderTarget,
  theHolder,
  touchHolder,
  type Named,
} from '../holders.js';
import { attachablePolicy, managedPolicy } from '../managed-policy.js';
import { reads, writes, type Change, type Work } from '../operation.js';
import { policyTarget } from '../targets.js';

interface Attachment {
  readonly holder: Named;
  readonly arn: string;
}

const attachmentTarget = ({ holder, arn }: Attachment, work: Work) =>
  policyHolderTarget(holder, work, { 'iam:PolicyARN': arn });

const attachedQuotas: Record<EntityKind, (present: number) => Parameters<typeof checkQuota>> = {
  user: (present) => ['PoliciesPerUser', present, quotas.AttachedPoliciesPerUserQuota],
  group: (present) => ['PoliciesPerGroup', present, quotas.AttachedPoliciesPerGroupQuota],
  role: (present) => ['PoliciesPerRole', present, quotas.AttachedPoliciesPerRoleQuota],
};

async function attach({ holder: named, arn }: Attachment, change: Change): Promise<Record<string, never>> {
  const { store, now } = change;
  const holder = await changeableHolder(change, named);
  await attachablePolicy(store, arn);
  if (await store.holdings.isAttached(holder, arn)) return {};
  const present = (await store.holdings.attachedTo(holder)).length;
  checkQuota(...attachedQuotas[holder.kind](present));
  await store.holdings.attach(holder, arn, now);
  await touchHolder(change, holder);
  return {};
}

async function detach({ holder: named, arn }: Attachment, change: Change): Promise<Record<string, never>> {
  const holder = await changeableHolder(change, named);
  const attached = await change.store.holdings.isAttached(holder, arn);
  found(attached ? true : undefined, () => noPolicy(arn));
  await change.store.holdings.detach(holder, arn);
  await touchHolder(change, holder);
  return {};
}

const ofUser = (request: { userName?: string | undefined; policyArn?: string | undefined }): Attachment => ({
  holder: namedUser(request),
  arn: policyArn(request.policyArn),
});

const ofGroup = (request: { groupName?: string | undefined; policyArn?: string | undefined }): Attachment => ({
  holder: namedGroup(request),
  arn: policyArn(request.policyArn),
});

const ofRole = (request: { roleName?: string | undefined; policyArn?: string | undefined }): Attachment => ({
  holder: namedRole(request),
  arn: policyArn(request.policyArn),
});

export const attachUserPolicy = writes('iam:AttachUserPolicy', {
  check: (request: wire.AttachUserPolicyRequest) => ofUser(request),
  target: attachmentTarget,
  run: attach,
});

export const attachGroupPolicy = writes('iam:AttachGroupPolicy', {
  check: (request: wire.AttachGroupPolicyRequest) => ofGroup(request),
  target: attachmentTarget,
  run: attach,
});

export const attachRolePolicy = writes('iam:AttachRolePolicy', {
  check: (request: wire.AttachRolePolicyRequest) => ofRole(request),
  target: attachmentTarget,
  run: attach,
});

export const detachRolePolicy = writes('iam:DetachRolePolicy', {
  check: (request: wire.DetachRolePolicyRequest) => ofRole(request),
  target: attachmentTarget,
  run: detach,
});

export const detachUserPolicy = writes('iam:DetachUserPolicy', {
  check: (request: wire.DetachUserPolicyRequest) => ofUser(request),
  target: attachmentTarget,
  run: detach,
});

export const detachGroupPolicy = writes('iam:DetachGroupPolicy', {
  check: (request: wire.DetachGroupPolicyRequest) => ofGroup(request),
  target: attachmentTarget,
  run: detach,
});

interface AttachedList {
  readonly holder: Named;
  readonly pathPrefix: string;
  readonly page: Page;
}

async function attached({ holder, pathPrefix, page }: AttachedList, work: Work) {
  const arns = await work.store.holdings.attachedTo(await theHolder(work, holder));
  const wanted = arns.filter((arn) => parseIamArn(arn)?.path.startsWith(pathPrefix) ?? false);
  const { items, ...rest } = pageOf(wanted, page, (arn) => arn);
  return { attachedPolicies: items.map((arn) => ({ policyName: parseIamArn(arn)?.name, policyArn: arn })), ...rest };
}

export const listAttachedUserPolicies = reads('iam:ListAttachedUserPolicies', {
  check: (request: wire.ListAttachedUserPoliciesRequest): AttachedList => ({
    holder: namedUser(request),
    pathPrefix: pathPrefix(request.pathPrefix),
    page: readPage(request),
  }),
  target: ({ holder }, work) => holderTarget(holder, work),
  run: attached,
});

export const listAttachedGroupPolicies = reads('iam:ListAttachedGroupPolicies', {
  check: (request: wire.ListAttachedGroupPoliciesRequest): AttachedList => ({
    holder: namedGroup(request),
    pathPrefix: pathPrefix(request.pathPrefix),
    page: readPage(request),
  }),
  target: ({ holder }, work) => holderTarget(holder, work),
  run: attached,
});

export const listAttachedRolePolicies = reads('iam:ListAttachedRolePolicies', {
  check: (request: wire.ListAttachedRolePoliciesRequest): AttachedList => ({
    holder: namedRole(request),
    pathPrefix: pathPrefix(request.pathPrefix),
    page: readPage(request),
  }),
  target: ({ holder }, work) => holderTarget(holder, work),
  run: attached,
});

const entityFilters = ['User', 'Role', 'Group', 'LocalManagedPolicy', 'AWSManagedPolicy'] as const;

export const listEntitiesForPolicy = reads('iam:ListEntitiesForPolicy', {
  check: (request: wire.ListEntitiesForPolicyRequest) => ({
    arn: policyArn(request.policyArn),
    filter: request.entityFilter === undefined ? undefined : oneOf('entityFilter', request.entityFilter, entityFilters),
    use: policyUse(request.policyUsageFilter),
    pathPrefix: pathPrefix(request.pathPrefix),
    page: readPage(request),
  }),
  target: ({ arn }, work) => policyTarget(work, arn),
  run: async ({ arn, filter, use, pathPrefix, page }, { store }) => {
    await managedPolicy(store, arn);
    const attached = use === 'PermissionsBoundary' ? [] : await store.holdings.holdersOf(arn, 'permissions');
    const limited = use === 'PermissionsPolicy' ? [] : await store.holdings.holdersOf(arn, 'boundary');
    const all = new Map(
      [...attached, ...limited].map((holder) => [`${holder.kind}/${holder.name.toLowerCase()}`, holder]),
    );
    const wanted = [...all].filter(
      ([, { kind, path }]) => (filter === undefined || filter.toLowerCase() === kind) && path.startsWith(pathPrefix),
    );
    const { items, ...rest } = pageOf(wanted, page, ([key]) => key);
    const holders = items.map(([, holder]) => holder);
    return {
      policyUsers: holders
        .filter(({ kind }) => kind === 'user')
        .map(({ id, name }) => ({ userName: name, userId: id })),
      policyGroups: holders
        .filter(({ kind }) => kind === 'group')
        .map(({ id, name }) => ({ groupName: name, groupId: id })),
      policyRoles: holders
        .filter(({ kind }) => kind === 'role')
        .map(({ id, name }) => ({ roleName: name, roleId: id })),
      ...rest,
    };
  },
});
