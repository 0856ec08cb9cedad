import { KeysteadError } from '@keystead/errors';
import type * as wire from '@keystead/proto/iam-query';
import { parseIamArn } from '../../domain/arn.js';
import { checkManagedDocument } from '../../domain/documents.js';
import { policyArn, versionId } from '../../domain/fields.js';
import { found, noVersion } from '../../domain/not-found.js';
import { pageOf, readPage } from '../../domain/paging.js';
import { quotas } from '../../domain/quotas.js';
import { principalKey, roleKey } from '../cache-keys.js';
import { customerPolicy, managedPolicy, policyVersion, policyVersions } from '../managed-policy.js';
import { reads, writes, type Change } from '../operation.js';
import { policyTarget } from '../targets.js';
import { wireVersion } from '../wire.js';

const checkVersion = (request: { policyArn?: string | undefined; versionId?: string | undefined }) => ({
  arn: policyArn(request.policyArn),
  number: versionId(request.versionId),
});

/** Everyone whom the policy concerns gets new rights when its default version changes. */
async function touchHolders({ store, touch }: Change, arn: string): Promise<void> {
  touch(...(await store.users.withPolicy(arn)).map(principalKey));
  touch(...(await store.roles.withPolicy(arn)).map(roleKey));
}

export const createPolicyVersion = writes('iam:CreatePolicyVersion', {
  check: (request: wire.CreatePolicyVersionRequest) => {
    const arn = policyArn(request.policyArn);
    const name = parseIamArn(arn)?.name ?? arn;
    const document = checkManagedDocument(request.policyDocument, name, quotas.PolicySizeQuota);
    return { arn, document, setAsDefault: request.setAsDefault ?? false };
  },
  target: ({ arn }, work) => policyTarget(work, arn),
  run: async ({ arn, document, setAsDefault }, change: Change) => {
    const { store, caller, now } = change;
    const policy = await customerPolicy(store, arn, { caller, action: 'iam:CreatePolicyVersion' });
    if ((await store.policies.versions(policy.id)).length >= quotas.VersionsPerPolicyQuota) throw tooManyVersions();
    const version = { number: await store.policies.takeVersion(policy.id, now), document, createdAt: now };
    await store.policies.addVersion(policy.id, version);
    if (setAsDefault) {
      await store.policies.setDefault(policy.id, version.number, now);
      await touchHolders(change, arn);
    }
    const shown = wireVersion(version, setAsDefault ? version.number : policy.defaultVersion, { document: false });
    return { policyVersion: shown };
  },
});

export const getPolicyVersion = reads('iam:GetPolicyVersion', {
  check: (request: wire.GetPolicyVersionRequest) => checkVersion(request),
  target: ({ arn }, work) => policyTarget(work, arn),
  run: async ({ arn, number }, { store }) => {
    const { defaultVersion } = await managedPolicy(store, arn);
    return { policyVersion: wireVersion(await policyVersion(store, arn, number), defaultVersion, { document: true }) };
  },
});

export const listPolicyVersions = reads('iam:ListPolicyVersions', {
  check: (request: wire.ListPolicyVersionsRequest) => ({ arn: policyArn(request.policyArn), page: readPage(request) }),
  target: ({ arn }, work) => policyTarget(work, arn),
  run: async ({ arn, page }, { store }) => {
    const policy = await managedPolicy(store, arn);
    // The newest first: the greater the number, the smaller its key.
    const keyOf = ({ number }: { number: number }) => String(1e9 - number);
    const { items, ...rest } = pageOf(await policyVersions(store, arn, policy), page, keyOf);
    const versions = items.map((version) => wireVersion(version, policy.defaultVersion, { document: false }));
    return { versions, ...rest };
  },
});

export const deletePolicyVersion = writes('iam:DeletePolicyVersion', {
  check: (request: wire.DeletePolicyVersionRequest) => checkVersion(request),
  target: ({ arn }, work) => policyTarget(work, arn),
  run: async ({ arn, number }, { store, caller }: Change) => {
    const policy = await customerPolicy(store, arn, { caller, action: 'iam:DeletePolicyVersion' });
    found(await store.policies.version(policy.id, number), () => noVersion(arn, number));
    if (policy.defaultVersion === number) {
      throw new KeysteadError('DeleteConflict', 'Cannot delete the default version of a policy.');
    }
    await store.policies.removeVersion(policy.id, number);
    return {};
  },
});

export const setDefaultPolicyVersion = writes('iam:SetDefaultPolicyVersion', {
  check: (request: wire.SetDefaultPolicyVersionRequest) => checkVersion(request),
  target: ({ arn }, work) => policyTarget(work, arn),
  run: async ({ arn, number }, change: Change) => {
    const { store, caller, now } = change;
    const policy = await customerPolicy(store, arn, { caller, action: 'iam:SetDefaultPolicyVersion' });
    found(await store.policies.version(policy.id, number), () => noVersion(arn, number));
    await store.policies.setDefault(policy.id, number, now);
    await touchHolders(change, arn);
    return {};
  },
});

function tooManyVersions(): KeysteadError {
  return new KeysteadError(
    'LimitExceeded',
    'A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.',
  );
}
