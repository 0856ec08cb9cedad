import { KeysteadError } from '@keystead/errors';
import type * as wire from '@keystead/proto/iam-query';
import type { Group } from '../../domain/entities.js';
import { groupName, path, pathPrefix } from '../../domain/fields.js';
import { uniqueId } from '../../domain/ids.js';
import { paged, readPage } from '../../domain/paging.js';
import { checkQuota, quotas } from '../../domain/quotas.js';
import { theGroup } from '../find.js';
import { reads, writes, type Change } from '../operation.js';
import { groupTarget, listTarget, newGroupTarget } from '../targets.js';
import { wireGroup, wireUser } from '../wire.js';

export const createGroup = writes('iam:CreateGroup', {
  check: (request: wire.CreateGroupRequest) => ({ name: groupName(request.groupName), path: path(request.path) }),
  target: ({ name, path }, { caller }) => newGroupTarget(caller.account, path, name),
  run: async ({ name, path }, { caller, store, now, random }: Change) => {
    if (await store.groups.nameTaken(name)) throw groupExists(name);
    checkQuota('GroupsPerAccount', (await store.account.counts()).groups, quotas.GroupsQuota);
    const group = { account: caller.account, id: uniqueId('AGPA', random), name, path, createdAt: now };
    await store.groups.add(group);
    return { group: wireGroup(group) };
  },
});

export const getGroup = reads('iam:GetGroup', {
  check: (request: wire.GetGroupRequest) => ({ name: groupName(request.groupName), page: readPage(request) }),
  target: ({ name }, work) => groupTarget(work, name),
  run: async ({ name, page }, work) => {
    const group = await theGroup(work, name);
    const members = await work.store.users.ofGroup(group.id, page);
    const { items, ...rest } = paged(members, page, (user) => user.name.toLowerCase());
    return { group: wireGroup(group), users: items.map((user) => wireUser(user, { tags: false })), ...rest };
  },
});

export const updateGroup = writes('iam:UpdateGroup', {
  check: (request: wire.UpdateGroupRequest) => ({
    name: groupName(request.groupName),
    newName: request.newGroupName === undefined ? undefined : groupName(request.newGroupName, 'newGroupName'),
    newPath: request.newPath === undefined ? undefined : path(request.newPath, 'newPath'),
  }),
  target: ({ name }, work) => groupTarget(work, name),
  alsoTarget: async ({ name, newName, newPath }, { caller, store }) => {
    const path = newPath ?? (await store.groups.byName(name))?.path ?? '/';
    return newGroupTarget(caller.account, path, newName ?? name);
  },
  run: async ({ name, newName, newPath }, work: Change) => {
    const group = await theGroup(work, name);
    const after = { name: newName ?? group.name, path: newPath ?? group.path };
    const respelled = after.name.toLowerCase() === group.name.toLowerCase();
    if (!respelled && (await work.store.groups.nameTaken(after.name))) throw groupExists(after.name);
    await work.store.groups.rename(group.id, after.name, after.path);
    return {};
  },
});

export const deleteGroup = writes('iam:DeleteGroup', {
  check: (request: wire.DeleteGroupRequest) => ({ name: groupName(request.groupName) }),
  target: ({ name }, work) => groupTarget(work, name),
  run: async ({ name }, work: Change) => {
    const group = await theGroup(work, name);
    await checkNothingLeft(work, group);
    await work.store.groups.remove(group.id);
    return {};
  },
});

async function checkNothingLeft({ store }: Change, { id, name }: Group): Promise<void> {
  const holder = { kind: 'group', id, name } as const;
  const left = async (what: Promise<readonly unknown[]>, words: string) => {
    if ((await what).length > 0)
      throw new KeysteadError('DeleteConflict', `Cannot delete entity, must ${words} first.`);
  };
  await left(store.users.ofGroup(id, { limit: 1, after: '' }), 'remove users from group');
  await left(store.holdings.attachedTo(holder), 'detach all policies');
  await left(store.holdings.inlineOf(holder), 'delete policies');
}

export const listGroups = reads('iam:ListGroups', {
  check: (request: wire.ListGroupsRequest) => ({ pathPrefix: pathPrefix(request.pathPrefix), page: readPage(request) }),
  target: ({ pathPrefix }, { caller }) => listTarget(caller.account, 'group', pathPrefix),
  run: async ({ pathPrefix, page }, { store }) => {
    const { items, ...rest } = paged(await store.groups.list(pathPrefix, page), page, ({ name }) => name.toLowerCase());
    return { groups: items.map(wireGroup), ...rest };
  },
});

const groupExists = (name: string) =>
  new KeysteadError('EntityAlreadyExists', `Group with name ${name} already exists.`);
