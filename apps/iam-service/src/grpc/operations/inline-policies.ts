import type * as wire from '@keystead/proto/iam-query';
import { checkDocument, checkInlineSize } from '../../domain/documents.js';
import { quotas } from '../../domain/quotas.js';
import type { InlinePolicy } from '../../domain/entities.js';
import { policyName } from '../../domain/fields.js';
import { found, noInlinePolicy } from '../../domain/not-found.js';
import { pageOf, readPage, type Page } from '../../domain/paging.js';
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
import { reads, writes, type Change, type Work } from '../operation.js';

interface Inline {
  readonly holder: Named;
  readonly name: string;
}

function checkInline(request: { policyName?: string | undefined; policyDocument?: string | undefined }): InlinePolicy {
  const name = policyName(request.policyName);
  return { name, document: checkDocument(request.policyDocument, name, quotas.RolePolicySizeQuota) };
}

async function put(
  { holder: named, policy }: { holder: Named; policy: InlinePolicy },
  change: Change,
): Promise<Record<string, never>> {
  const { store } = change;
  const holder = await changeableHolder(change, named);
  const others = (await store.holdings.inlineOf(holder)).filter(({ name }) => name !== policy.name);
  checkInlineSize(holder.kind, holder.name, [...others, policy]);
  await store.holdings.putInline(holder, policy);
  await touchHolder(change, holder);
  return {};
}

async function get({ holder, name }: Inline, work: Work): Promise<InlinePolicy> {
  const policy = await work.store.holdings.inline(await theHolder(work, holder), name);
  return found(policy, () => noInlinePolicy(holder.kind, name));
}

async function remove(inline: Inline, change: Change): Promise<Record<string, never>> {
  const holder = await changeableHolder(change, inline.holder);
  await get(inline, change);
  await change.store.holdings.removeInline(holder, inline.name);
  await touchHolder(change, holder);
  return {};
}

async function list({ holder, page }: { holder: Named; page: Page }, work: Work) {
  const policies = await work.store.holdings.inlineOf(await theHolder(work, holder));
  const { items, ...rest } = pageOf(
    policies.map(({ name }) => name),
    page,
    (name) => name,
  );
  return { policyNames: items, ...rest };
}

export const putUserPolicy = writes('iam:PutUserPolicy', {
  check: (request: wire.PutUserPolicyRequest) => ({ holder: namedUser(request), policy: checkInline(request) }),
  target: ({ holder }, work) => policyHolderTarget(holder, work),
  run: put,
});

export const putGroupPolicy = writes('iam:PutGroupPolicy', {
  check: (request: wire.PutGroupPolicyRequest) => ({ holder: namedGroup(request), policy: checkInline(request) }),
  target: ({ holder }, work) => policyHolderTarget(holder, work),
  run: put,
});

export const getUserPolicy = reads('iam:GetUserPolicy', {
  check: (request: wire.GetUserPolicyRequest) => ({ holder: namedUser(request), name: policyName(request.policyName) }),
  target: ({ holder }, work) => holderTarget(holder, work),
  run: async (inline, work) => {
    const { name, document } = await get(inline, work);
    return { userName: inline.holder.name, policyName: name, policyDocument: document };
  },
});

export const getGroupPolicy = reads('iam:GetGroupPolicy', {
  check: (request: wire.GetGroupPolicyRequest) => ({
    holder: namedGroup(request),
    name: policyName(request.policyName),
  }),
  target: ({ holder }, work) => holderTarget(holder, work),
  run: async (inline, work) => {
    const { name, document } = await get(inline, work);
    return { groupName: inline.holder.name, policyName: name, policyDocument: document };
  },
});

export const deleteUserPolicy = writes('iam:DeleteUserPolicy', {
  check: (request: wire.DeleteUserPolicyRequest) => ({
    holder: namedUser(request),
    name: policyName(request.policyName),
  }),
  target: ({ holder }, work) => policyHolderTarget(holder, work),
  run: remove,
});

export const deleteGroupPolicy = writes('iam:DeleteGroupPolicy', {
  check: (request: wire.DeleteGroupPolicyRequest) => ({
    holder: namedGroup(request),
    name: policyName(request.policyName),
  }),
  target: ({ holder }, work) => policyHolderTarget(holder, work),
  run: remove,
});

export const listUserPolicies = reads('iam:ListUserPolicies', {
  check: (request: wire.ListUserPoliciesRequest) => ({ holder: namedUser(request), page: readPage(request) }),
  target: ({ holder }, work) => holderTarget(holder, work),
  run: list,
});

export const listGroupPolicies = reads('iam:ListGroupPolicies', {
  check: (request: wire.ListGroupPoliciesRequest) => ({ holder: namedGroup(request), page: readPage(request) }),
  target: ({ holder }, work) => holderTarget(holder, work),
  run: list,
});

export const putRolePolicy = writes('iam:PutRolePolicy', {
  check: (request: wire.PutRolePolicyRequest) => ({ holder: namedRole(request), policy: checkInline(request) }),
  target: ({ holder }, work) => policyHolderTarget(holder, work),
  run: put,
});

export const getRolePolicy = reads('iam:GetRolePolicy', {
  check: (request: wire.GetRolePolicyRequest) => ({ holder: namedRole(request), name: policyName(request.policyName) }),
  target: ({ holder }, work) => holderTarget(holder, work),
  run: async (inline, work) => {
    const { name, document } = await get(inline, work);
    return { roleName: inline.holder.name, policyName: name, policyDocument: document };
  },
});

export const deleteRolePolicy = writes('iam:DeleteRolePolicy', {
  check: (request: wire.DeleteRolePolicyRequest) => ({
    holder: namedRole(request),
    name: policyName(request.policyName),
  }),
  target: ({ holder }, work) => policyHolderTarget(holder, work),
  run: remove,
});

export const listRolePolicies = reads('iam:ListRolePolicies', {
  check: (request: wire.ListRolePoliciesRequest) => ({ holder: namedRole(request), page: readPage(request) }),
  target: ({ holder }, work) => holderTarget(holder, work),
  run: list,
});
