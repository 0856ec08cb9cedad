import { KeysteadError } from '@keystead/errors';
import type * as wire from '@keystead/proto/iam-query';
import { instanceProfileArn } from '../../domain/arn.js';
import type { InstanceProfile } from '../../domain/entities.js';
import { instanceProfileName, path, pathPrefix, roleName } from '../../domain/fields.js';
import { uniqueId } from '../../domain/ids.js';
import { found, noInstanceProfile } from '../../domain/not-found.js';
import { paged, pageOf, readPage } from '../../domain/paging.js';
import { checkQuota, quotas } from '../../domain/quotas.js';
import { checkTagKeys, checkTags, withoutTags, withTags } from '../../domain/tags.js';
import { changeableRole, theRole } from '../find.js';
import { reads, writes, type Change, type Work } from '../operation.js';
import { listTarget, profileTarget, requestTagValues, roleTarget } from '../targets.js';
import { wireInstanceProfile } from '../wire.js';

const named = (request: { instanceProfileName?: string | undefined }) => ({
  name: instanceProfileName(request.instanceProfileName),
});

async function theProfile({ store }: Work, name: string): Promise<InstanceProfile> {
  return found(await store.instanceProfiles.byName(name), () => noInstanceProfile(name));
}

async function shown(profile: InstanceProfile, { store }: Work, details = true): Promise<wire.InstanceProfile> {
  const role = profile.roleId === undefined ? undefined : await store.roles.byId(profile.roleId);
  return wireInstanceProfile(profile, role, { details });
}

export const createInstanceProfile = writes('iam:CreateInstanceProfile', {
  check: (request: wire.CreateInstanceProfileRequest) => ({
    ...named(request),
    path: path(request.path),
    tags: checkTags(request.tags),
  }),
  target: async ({ name, path, tags }, work) => {
    const arn = instanceProfileArn(work.caller.account, path, name);
    return { ...(await profileTarget(work, name)), arn, shown: arn, values: requestTagValues(tags) };
  },
  run: async ({ name, path, tags }, change: Change) => {
    const { caller, store, now, random } = change;
    if (await store.instanceProfiles.nameTaken(name)) {
      throw new KeysteadError('EntityAlreadyExists', `Instance Profile ${name} already exists.`);
    }
    checkQuota('InstanceProfilesPerAccount', await store.instanceProfiles.count(), quotas.InstanceProfilesQuota);
    const id = uniqueId('AIPA', random);
    const profile = { account: caller.account, id, name, path, roleId: undefined, tags, createdAt: now };
    await store.instanceProfiles.add(profile);
    return { instanceProfile: await shown(profile, change) };
  },
});

export const getInstanceProfile = reads('iam:GetInstanceProfile', {
  check: (request: wire.GetInstanceProfileRequest) => named(request),
  target: ({ name }, work) => profileTarget(work, name),
  run: async ({ name }, work) => ({ instanceProfile: await shown(await theProfile(work, name), work) }),
});

export const deleteInstanceProfile = writes('iam:DeleteInstanceProfile', {
  check: (request: wire.DeleteInstanceProfileRequest) => named(request),
  target: ({ name }, work) => profileTarget(work, name),
  run: async ({ name }, change: Change) => {
    const { id, roleId } = await theProfile(change, name);
    if (roleId !== undefined) {
      const message = 'Cannot delete entity, must remove roles from instance profile first.';
      throw new KeysteadError('DeleteConflict', message);
    }
    await change.store.instanceProfiles.remove(id);
    return {};
  },
});

async function listed(profiles: readonly InstanceProfile[], work: Work): Promise<wire.InstanceProfile[]> {
  const all: wire.InstanceProfile[] = [];
  for (const profile of profiles) all.push(await shown(profile, work, false));
  return all;
}

export const listInstanceProfiles = reads('iam:ListInstanceProfiles', {
  check: (request: wire.ListInstanceProfilesRequest) => ({
    pathPrefix: pathPrefix(request.pathPrefix),
    page: readPage(request),
  }),
  target: ({ pathPrefix }, { caller }) => listTarget(caller.account, 'instance-profile', pathPrefix),
  run: async ({ pathPrefix, page }, work) => {
    const rows = await work.store.instanceProfiles.list(pathPrefix, page);
    const { items, ...rest } = paged(rows, page, ({ name }) => name.toLowerCase());
    return { instanceProfiles: await listed(items, work), ...rest };
  },
});

export const listInstanceProfilesForRole = reads('iam:ListInstanceProfilesForRole', {
  check: (request: wire.ListInstanceProfilesForRoleRequest) => ({
    role: roleName(request.roleName),
    page: readPage(request),
  }),
  target: ({ role }, work) => roleTarget(work, role),
  run: async ({ role, page }, work) => {
    const rows = await work.store.instanceProfiles.ofRole((await theRole(work, role)).id, page);
    const { items, ...rest } = paged(rows, page, ({ name }) => name.toLowerCase());
    return { instanceProfiles: await listed(items, work), ...rest };
  },
});

const checkPair = (request: { instanceProfileName?: string | undefined; roleName?: string | undefined }) => ({
  ...named(request),
  role: roleName(request.roleName),
});

export const addRoleToInstanceProfile = writes('iam:AddRoleToInstanceProfile', {
  check: (request: wire.AddRoleToInstanceProfileRequest) => checkPair(request),
  target: ({ name }, work) => profileTarget(work, name),
  // Whoever could give a role to machines of his choice would have what it may do.
  alsoTarget: async ({ role }, work) => {
    const values = {
      'iam:PassedToService': 'ec2.amazonaws.com',
      'iam:AssociatedResourceArn': `arn:aws:ec2:*:${work.caller.account}:instance/*`,
    };
    const target = await roleTarget(work, role, values);
    return { ...target, action: 'iam:PassRole', shown: target.arn };
  },
  run: async ({ name, role: named }, change: Change) => {
    const profile = await theProfile(change, name);
    const role = await changeableRole(change, named);
    checkQuota('InstanceSessionsPerInstanceProfile', profile.roleId === undefined ? 0 : 1, 1);
    await change.store.instanceProfiles.setRole(profile.id, role.id);
    return {};
  },
});

export const removeRoleFromInstanceProfile = writes('iam:RemoveRoleFromInstanceProfile', {
  check: (request: wire.RemoveRoleFromInstanceProfileRequest) => checkPair(request),
  target: ({ name }, work) => profileTarget(work, name),
  run: async ({ name, role: named }, change: Change) => {
    const profile = await theProfile(change, name);
    const role = await changeableRole(change, named);
    if (profile.roleId !== role.id) {
      throw new KeysteadError('NoSuchEntity', `Role ${named} was not found in Instance Profile ${name}.`);
    }
    await change.store.instanceProfiles.setRole(profile.id, undefined);
    return {};
  },
});

export const tagInstanceProfile = writes('iam:TagInstanceProfile', {
  check: (request: wire.TagInstanceProfileRequest) => ({ ...named(request), tags: checkTags(request.tags) }),
  target: ({ name, tags }, work) => profileTarget(work, name, requestTagValues(tags)),
  run: async ({ name, tags }, change: Change) => {
    const profile = await theProfile(change, name);
    await change.store.instanceProfiles.setTags(profile.id, withTags(profile.tags, tags));
    return {};
  },
});

export const untagInstanceProfile = writes('iam:UntagInstanceProfile', {
  check: (request: wire.UntagInstanceProfileRequest) => ({ ...named(request), keys: checkTagKeys(request.tagKeys) }),
  target: ({ name, keys }, work) => profileTarget(work, name, { 'aws:TagKeys': keys }),
  run: async ({ name, keys }, change: Change) => {
    const profile = await theProfile(change, name);
    await change.store.instanceProfiles.setTags(profile.id, withoutTags(profile.tags, keys));
    return {};
  },
});

export const listInstanceProfileTags = reads('iam:ListInstanceProfileTags', {
  check: (request: wire.ListInstanceProfileTagsRequest) => ({ ...named(request), page: readPage(request) }),
  target: ({ name }, work) => profileTarget(work, name),
  run: async ({ name, page }, work) => {
    const { items, ...rest } = pageOf((await theProfile(work, name)).tags, page, ({ key }) => key);
    return { tags: items, ...rest };
  },
});
