import { KeysteadError } from '@keystead/errors';
import type * as wire from '@keystead/proto/iam-query';
import { policyArn as makePolicyArn } from '../../domain/arn.js';
import { awsManagedPolicies } from '../../domain/aws-managed-policies.js';
import { checkManagedDocument } from '../../domain/documents.js';
import type { ManagedPolicy } from '../../domain/entities.js';
import { description, oneOf, path, pathPrefix, policyArn, policyName, policyUse } from '../../domain/fields.js';
import { uniqueId } from '../../domain/ids.js';
import { pageOf, readPage } from '../../domain/paging.js';
import { checkQuota, quotas } from '../../domain/quotas.js';
import { checkTagKeys, checkTags, withoutTags, withTags } from '../../domain/tags.js';
import type { Usage } from '../../store/holdings.js';
import { customerPolicy, managedPolicy } from '../managed-policy.js';
import { reads, writes, type Change } from '../operation.js';
import { listTarget, policyTarget, requestTagValues } from '../targets.js';
import { wirePolicy } from '../wire.js';

export const createPolicy = writes('iam:CreatePolicy', {
  check: (request: wire.CreatePolicyRequest) => {
    const name = policyName(request.policyName);
    const document = checkManagedDocument(request.policyDocument, name, quotas.PolicySizeQuota);
    const tags = checkTags(request.tags);
    return { name, path: path(request.path), document, description: description(request.description), tags };
  },
  target: ({ name, path, tags }, { caller }) => {
    const arn = makePolicyArn(caller.account, path, name);
    const resources = [name, arn].map((resource) => ({ type: 'AWS::IAM::Policy', name: resource }));
    return { arn, shown: `policy ${name}`, values: requestTagValues(tags), resources };
  },
  run: async ({ name, path, document, description, tags }, { caller, store, now, random }: Change) => {
    if (await store.policies.nameTaken(name)) {
      const message = `A policy called ${name} already exists. Duplicate names are not allowed.`;
      throw new KeysteadError('EntityAlreadyExists', message);
    }
    checkQuota('PoliciesPerAccount', (await store.account.counts()).policies, quotas.PoliciesQuota);
    const { account } = caller;
    const made = { account, id: uniqueId('ANPA', random), name, path, description, defaultVersion: 1, tags };
    const policy: ManagedPolicy = { ...made, createdAt: now, updatedAt: now };
    await store.policies.add(policy, document);
    return { policy: { ...wirePolicy(policy, undefined, { details: true }), description: undefined } };
  },
});

export const getPolicy = reads('iam:GetPolicy', {
  check: (request: wire.GetPolicyRequest) => ({ arn: policyArn(request.policyArn) }),
  target: ({ arn }, work) => policyTarget(work, arn),
  run: async ({ arn }, { store }) => {
    const policy = await managedPolicy(store, arn);
    const usage = await store.holdings.usage();
    return { policy: wirePolicy(policy, usage.get(arn), { details: true }) };
  },
});

export const listPolicies = reads('iam:ListPolicies', {
  check: (request: wire.ListPoliciesRequest) => ({
    scope: oneOf('scope', request.scope ?? 'All', ['All', 'AWS', 'Local']),
    onlyAttached: request.onlyAttached ?? false,
    pathPrefix: pathPrefix(request.pathPrefix),
    use: policyUse(request.policyUsageFilter),
    page: readPage(request),
  }),
  target: ({ pathPrefix }, { caller }) => listTarget(caller.account, 'policy', pathPrefix),
  run: async ({ scope, onlyAttached, pathPrefix, use, page }, { store }) => {
    const usage = await store.holdings.usage();
    const local = scope === 'AWS' ? [] : await store.policies.list(pathPrefix);
    const published = scope === 'Local' ? [] : [...awsManagedPolicies.values()].map(({ policy }) => policy);
    const all = [...local, ...published.filter((policy) => policy.path.startsWith(pathPrefix))];
    const wanted = all.filter((policy) => isUsed(usage.get(arnOf(policy)), use, onlyAttached));
    const { items, ...rest } = pageOf(wanted, page, (policy) => `${policy.name.toLowerCase()}:${arnOf(policy)}`);
    const policies = items.map((policy) => wirePolicy(policy, usage.get(arnOf(policy)), { details: false }));
    return { policies, ...rest };
  },
});

const arnOf = ({ account, path, name }: ManagedPolicy) => makePolicyArn(account, path, name);

function isUsed(usage: Usage | undefined, use: ReturnType<typeof policyUse>, onlyAttached: boolean): boolean {
  if (!onlyAttached && use === undefined) return true;
  if (use === 'PermissionsBoundary') return (usage?.boundaries ?? 0) > 0;
  return !onlyAttached || (usage?.attachments ?? 0) > 0;
}

export const deletePolicy = writes('iam:DeletePolicy', {
  check: (request: wire.DeletePolicyRequest) => ({ arn: policyArn(request.policyArn) }),
  target: ({ arn }, work) => policyTarget(work, arn),
  run: async ({ arn }, { store, caller }: Change) => {
    const policy = await customerPolicy(store, arn, { caller, action: 'iam:DeletePolicy' });
    if ((await store.holdings.usage()).has(arn)) {
      throw new KeysteadError('DeleteConflict', 'Cannot delete a policy attached to entities.');
    }
    if ((await store.policies.versions(policy.id)).length > 1) throw versionsLeft();
    await store.policies.remove(policy.id);
    return {};
  },
});

function versionsLeft(): KeysteadError {
  return new KeysteadError(
    'DeleteConflict',
    "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
  );
}

export const tagPolicy = writes('iam:TagPolicy', {
  check: (request: wire.TagPolicyRequest) => ({ arn: policyArn(request.policyArn), tags: checkTags(request.tags) }),
  target: ({ arn, tags }, work) => policyTarget(work, arn, requestTagValues(tags)),
  run: async ({ arn, tags }, { store, caller }: Change) => {
    const policy = await customerPolicy(store, arn, { caller, action: 'iam:TagPolicy' });
    await store.policies.setTags(policy.id, withTags(policy.tags, tags));
    return {};
  },
});

export const untagPolicy = writes('iam:UntagPolicy', {
  check: (request: wire.UntagPolicyRequest) => ({
    arn: policyArn(request.policyArn),
    keys: checkTagKeys(request.tagKeys),
  }),
  target: ({ arn, keys }, work) => policyTarget(work, arn, { 'aws:TagKeys': keys }),
  run: async ({ arn, keys }, { store, caller }: Change) => {
    const policy = await customerPolicy(store, arn, { caller, action: 'iam:UntagPolicy' });
    await store.policies.setTags(policy.id, withoutTags(policy.tags, keys));
    return {};
  },
});

export const listPolicyTags = reads('iam:ListPolicyTags', {
  check: (request: wire.ListPolicyTagsRequest) => ({ arn: policyArn(request.policyArn), page: readPage(request) }),
  target: ({ arn }, work) => policyTarget(work, arn),
  run: async ({ arn, page }, { store }) => {
    const { items, ...rest } = pageOf((await managedPolicy(store, arn)).tags, page, ({ key }) => key);
    return { tags: items, ...rest };
  },
});
