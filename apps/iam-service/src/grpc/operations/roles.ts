import { KeysteadError } from '@keystead/errors';
import type * as wire from '@keystead/proto/iam-query';
import type { Role, Trust } from '../../domain/entities.js';
import { path, pathPrefix, policyArn, roleDescription, roleName, within } from '../../domain/fields.js';
import { uniqueId } from '../../domain/ids.js';
import { paged, pageOf, readPage } from '../../domain/paging.js';
import { checkQuota, quotas } from '../../domain/quotas.js';
import { isServiceLinked } from '../../domain/service-linked-roles.js';
import { checkTagKeys, checkTags, withoutTags, withTags } from '../../domain/tags.js';
import { readTrustPolicy, type WrittenTrust } from '../../domain/trust-policy.js';
import { roleKey, sessionKeys } from '../cache-keys.js';
import { changeableRole, theRole } from '../find.js';
import { attachablePolicy } from '../managed-policy.js';
import { reads, writes, type Change } from '../operation.js';
import { knownRoleTarget, listTarget, requestTagValues, roleTarget } from '../targets.js';
import { boundTrust, trustShown } from '../trust.js';
import { wireRole } from '../wire.js';

const durations = { min: 3_600, max: 43_200 };

const named = (request: { roleName?: string | undefined }) => ({ name: roleName(request.roleName) });

const duration = (value: number | undefined) =>
  value === undefined ? undefined : within('maxSessionDuration', value, durations);

interface NewRole {
  readonly name: string;
  readonly path: string;
  readonly trust: WrittenTrust;
  readonly bound?: Trust;
  readonly description: string | undefined;
  readonly maxSessionDuration: number;
  readonly boundaryArn: string | undefined;
  readonly tags: Role['tags'];
}

export const createRole = writes('iam:CreateRole', {
  check: (request: wire.CreateRoleRequest): NewRole => ({
    ...named(request),
    path: path(request.path),
    trust: readTrustPolicy('assumeRolePolicyDocument', request.assumeRolePolicyDocument),
    description: roleDescription(request.description),
    maxSessionDuration: duration(request.maxSessionDuration) ?? durations.min,
    boundaryArn:
      request.permissionsBoundary === undefined
        ? undefined
        : policyArn(request.permissionsBoundary, 'permissionsBoundary'),
    tags: checkTags(request.tags),
  }),
  target: ({ name, path, tags, boundaryArn }, { caller }) => {
    const values = { ...requestTagValues(tags), 'iam:PermissionsBoundary': boundaryArn };
    const target = knownRoleTarget(caller.account, name, { path, tags: [] }, values);
    return { ...target, shown: target.arn };
  },
  prepare: async (role, work) => ({ ...role, bound: await boundTrust(role.trust, work) }),
  run: async ({ bound, ...made }, change: Change) => {
    if (!bound) throw new Error('a trust policy is bound before its transaction');
    if (isServiceLinked(made)) {
      const message = `Cannot create a role with the path ${made.path}: it is reserved for service-linked roles.`;
      throw new KeysteadError('InvalidInput', message);
    }
    const role = await addRole({ ...made, trust: bound }, change);
    return { role: { ...wireRole(role, { details: true }), maxSessionDuration: undefined } };
  },
});

/** Adds a role. Throws EntityAlreadyExists, LimitExceeded, NoSuchEntity for a boundary that is not there. */
export async function addRole(
  made: Omit<Role, 'account' | 'id' | 'createdAt' | 'lastUse'>,
  { caller, store, now, random, touch }: Change,
): Promise<Role> {
  if (await store.roles.nameTaken(made.name)) {
    throw new KeysteadError('EntityAlreadyExists', `Role with name ${made.name} already exists.`);
  }
  if (made.boundaryArn !== undefined) await attachablePolicy(store, made.boundaryArn);
  checkQuota('RolesPerAccount', await store.roles.count(), quotas.RolesQuota);
  const { account } = caller;
  const role = { ...made, account, id: uniqueId('AROA', random), createdAt: now, lastUse: undefined };
  await store.roles.add(role);
  touch(roleKey(role));
  return role;
}

export const getRole = reads('iam:GetRole', {
  check: (request: wire.GetRoleRequest) => named(request),
  target: ({ name }, work) => roleTarget(work, name),
  run: async ({ name }, work) => {
    const role = await theRole(work, name);
    const shown = wireRole(role, { details: true });
    return { role: { ...shown, assumeRolePolicyDocument: await trustShown(role, work) } };
  },
});

export const updateRole = writes('iam:UpdateRole', {
  check: (request: wire.UpdateRoleRequest) => ({
    ...named(request),
    description: roleDescription(request.description),
    maxSessionDuration: duration(request.maxSessionDuration),
  }),
  target: ({ name }, work) => roleTarget(work, name),
  run: async ({ name, description, maxSessionDuration }, change: Change) => {
    const { id } = await changeableRole(change, name);
    // Absent means that nothing is left of it, as at AWS.
    await change.store.roles.describe(id, description);
    await change.store.roles.setMaxSessionDuration(id, maxSessionDuration ?? durations.min);
    return {};
  },
});

export const updateRoleDescription = writes('iam:UpdateRoleDescription', {
  check: (request: wire.UpdateRoleDescriptionRequest) => ({
    ...named(request),
    description: roleDescription(request.description),
  }),
  target: ({ name }, work) => roleTarget(work, name),
  run: async ({ name, description }, change: Change) => {
    const role = await changeableRole(change, name);
    await change.store.roles.describe(role.id, description);
    return { role: wireRole({ ...role, description }, { details: true }) };
  },
});

export const updateAssumeRolePolicy = writes('iam:UpdateAssumeRolePolicy', {
  check: (request: wire.UpdateAssumeRolePolicyRequest): { name: string; trust: WrittenTrust; bound?: Trust } => ({
    ...named(request),
    trust: readTrustPolicy('policyDocument', request.policyDocument),
  }),
  target: ({ name }, work) => roleTarget(work, name),
  prepare: async (command, work) => ({ ...command, bound: await boundTrust(command.trust, work) }),
  run: async ({ name, bound }, change: Change) => {
    if (!bound) throw new Error('a trust policy is bound before its transaction');
    const role = await changeableRole(change, name);
    await change.store.roles.setTrust(role.id, bound);
    return {};
  },
});

export const deleteRole = writes('iam:DeleteRole', {
  check: (request: wire.DeleteRoleRequest) => named(request),
  target: ({ name }, work) => roleTarget(work, name),
  run: async ({ name }, change: Change) => {
    const role = await changeableRole(change, name);
    await checkNothingLeft(change, role);
    await removeRole(role, change);
    return {};
  },
});

/** Removes a role and ends its sessions. */
export async function removeRole(role: Role, { store, touch }: Change): Promise<void> {
  touch(roleKey(role), ...(await store.sessions.removeOf(role.id)).flatMap(sessionKeys));
  await store.roles.remove(role.id);
}

async function checkNothingLeft({ store }: Change, { id, name }: Role): Promise<void> {
  const holder = { kind: 'role', id, name } as const;
  const left = async (what: Promise<readonly unknown[]>, words: string) => {
    if ((await what).length > 0)
      throw new KeysteadError('DeleteConflict', `Cannot delete entity, must ${words} first.`);
  };
  await left(store.holdings.attachedTo(holder), 'detach all policies');
  await left(store.holdings.inlineOf(holder), 'delete policies');
  await left(store.instanceProfiles.ofRole(id, { limit: 1, after: '' }), 'remove roles from instance profile');
}

export const listRoles = reads('iam:ListRoles', {
  check: (request: wire.ListRolesRequest) => ({ pathPrefix: pathPrefix(request.pathPrefix), page: readPage(request) }),
  target: ({ pathPrefix }, { caller }) => listTarget(caller.account, 'role', pathPrefix),
  run: async ({ pathPrefix, page }, { store }) => {
    const { items, ...rest } = paged(await store.roles.list(pathPrefix, page), page, ({ name }) => name.toLowerCase());
    return { roles: items.map((role) => wireRole(role, { details: false })), ...rest };
  },
});

export const tagRole = writes('iam:TagRole', {
  check: (request: wire.TagRoleRequest) => ({ ...named(request), tags: checkTags(request.tags) }),
  target: ({ name, tags }, work) => roleTarget(work, name, requestTagValues(tags)),
  run: async ({ name, tags }, work: Change) => {
    const role = await theRole(work, name);
    await work.store.roles.setTags(role.id, withTags(role.tags, tags));
    work.touch(roleKey(role));
    return {};
  },
});

export const untagRole = writes('iam:UntagRole', {
  check: (request: wire.UntagRoleRequest) => ({ ...named(request), keys: checkTagKeys(request.tagKeys) }),
  target: ({ name, keys }, work) => roleTarget(work, name, { 'aws:TagKeys': keys }),
  run: async ({ name, keys }, work: Change) => {
    const role = await theRole(work, name);
    await work.store.roles.setTags(role.id, withoutTags(role.tags, keys));
    work.touch(roleKey(role));
    return {};
  },
});

export const listRoleTags = reads('iam:ListRoleTags', {
  check: (request: wire.ListRoleTagsRequest) => ({ ...named(request), page: readPage(request) }),
  target: ({ name }, work) => roleTarget(work, name),
  run: async ({ name, page }, work) => {
    const { items, ...rest } = pageOf((await theRole(work, name)).tags, page, ({ key }) => key);
    return { tags: items, ...rest };
  },
});
