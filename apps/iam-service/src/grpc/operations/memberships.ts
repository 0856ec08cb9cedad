import type * as wire from '@keystead/proto/iam-query';
import { existingUserName, groupName } from '../../domain/fields.js';
import { paged, readPage } from '../../domain/paging.js';
import { checkQuota, quotas } from '../../domain/quotas.js';
import { principalKey } from '../cache-keys.js';
import { theGroup, theUser } from '../find.js';
import { reads, writes, type Change } from '../operation.js';
import { groupTarget, userTarget } from '../targets.js';
import { wireGroup } from '../wire.js';

const checkPair = (request: { groupName?: string | undefined; userName?: string | undefined }) => ({
  group: groupName(request.groupName),
  user: existingUserName(request.userName),
});

export const addUserToGroup = writes('iam:AddUserToGroup', {
  check: (request: wire.AddUserToGroupRequest) => checkPair(request),
  target: ({ group }, work) => groupTarget(work, group),
  run: async (names, work: Change) => {
    const { store, now, touch } = work;
    const group = await theGroup(work, names.group);
    const user = await theUser(work, names.user);
    if (await store.groups.hasMember(group.id, user.id)) return {};
    const present = await store.groups.ofUser(user.id, { limit: quotas.GroupsPerUserQuota, after: '' });
    checkQuota('GroupsPerUser', present.length, quotas.GroupsPerUserQuota);
    await store.groups.addMember(group.id, user.id, now);
    touch(principalKey(user));
    return {};
  },
});

export const removeUserFromGroup = writes('iam:RemoveUserFromGroup', {
  check: (request: wire.RemoveUserFromGroupRequest) => checkPair(request),
  target: ({ group }, work) => groupTarget(work, group),
  run: async (names, work: Change) => {
    const group = await theGroup(work, names.group);
    const user = await theUser(work, names.user);
    await work.store.groups.removeMember(group.id, user.id);
    work.touch(principalKey(user));
    return {};
  },
});

export const listGroupsForUser = reads('iam:ListGroupsForUser', {
  check: (request: wire.ListGroupsForUserRequest) => ({
    name: existingUserName(request.userName),
    page: readPage(request),
  }),
  target: ({ name }, work) => userTarget(work, name),
  run: async ({ name, page }, work) => {
    const user = await theUser(work, name);
    const found = await work.store.groups.ofUser(user.id, page);
    const { items, ...rest } = paged(found, page, (group) => group.name.toLowerCase());
    return { groups: items.map(wireGroup), ...rest };
  },
});
