import { KeysteadError } from '@keystead/errors';
import type * as wire from '@keystead/proto/iam-query';
import { rootArn } from '../../domain/arn.js';
import type { User } from '../../domain/entities.js';
import { existingUserName, path, pathPrefix, policyArn, userName } from '../../domain/fields.js';
import { uniqueId } from '../../domain/ids.js';
import { paged, pageOf, readPage } from '../../domain/paging.js';
import { checkQuota, quotas } from '../../domain/quotas.js';
import { checkTagKeys, checkTags, withoutTags, withTags } from '../../domain/tags.js';
import { accessKeyKey, principalKey, sessionKeys } from '../cache-keys.js';
import { ownName } from '../caller.js';
import { theUser } from '../find.js';
import { reads, writes, type Change, type Work } from '../operation.js';
import { attachablePolicy } from '../managed-policy.js';
import { listTarget, newUserTarget, requestTagValues, userTarget } from '../targets.js';
import { wireUser } from '../wire.js';

const named = (name: string) => ({ name });

export const createUser = writes('iam:CreateUser', {
  check: (request: wire.CreateUserRequest) => ({
    name: userName(request.userName),
    path: path(request.path),
    tags: checkTags(request.tags),
    boundaryArn:
      request.permissionsBoundary === undefined
        ? undefined
        : policyArn(request.permissionsBoundary, 'permissionsBoundary'),
  }),
  target: (command, { caller }) => {
    const target = newUserTarget(caller.account, command.path, command.name, command.tags);
    return { ...target, values: { ...target.values, 'iam:PermissionsBoundary': command.boundaryArn } };
  },
  run: async ({ name, path, tags, boundaryArn }, { caller, store, now, random, touch }: Change) => {
    if (await store.users.nameTaken(name)) throw userExists(name);
    if (boundaryArn !== undefined) await attachablePolicy(store, boundaryArn);
    checkQuota('UsersPerAccount', (await store.account.counts()).users, quotas.UsersQuota);
    const user = {
      account: caller.account,
      id: uniqueId('AIDA', random),
      name,
      path,
      boundaryArn,
      tags,
      createdAt: now,
    };
    await store.users.add(user);
    touch(principalKey(user));
    return { user: wireUser(user, { tags: true }) };
  },
});

export const getUser = reads('iam:GetUser', {
  check: (request: wire.GetUserRequest, caller) =>
    request.userName === undefined && caller.isRoot
      ? { name: undefined }
      : { name: existingUserName(request.userName ?? ownName(caller)) },
  target: async ({ name }, work) => {
    const arn = rootArn(work.caller.account);
    return name === undefined ? { arn, shown: arn } : userTarget(work, name);
  },
  run: async ({ name }, work) => {
    if (name === undefined) return { user: await rootUser(work) };
    return { user: wireUser(await theUser(work, name), { tags: true }) };
  },
});

async function rootUser({ caller, store }: Work): Promise<wire.User> {
  const { account } = caller;
  const createDate = await store.account.createdAt();
  const user = { path: '/', userName: 'root', userId: account, arn: rootArn(account), createDate };
  return { ...user, permissionsBoundary: undefined, tags: [] };
}

export const updateUser = writes('iam:UpdateUser', {
  check: (request: wire.UpdateUserRequest) => ({
    name: existingUserName(request.userName),
    newName: request.newUserName === undefined ? undefined : userName(request.newUserName, 'newUserName'),
    newPath: request.newPath === undefined ? undefined : path(request.newPath, 'newPath'),
  }),
  target: ({ name }, work) => userTarget(work, name),
  alsoTarget: async ({ name, newName, newPath }, { caller, store }) => {
    const path = newPath ?? (await store.users.byName(name))?.path ?? '/';
    return newUserTarget(caller.account, path, newName ?? name);
  },
  run: async ({ name, newName, newPath }, work: Change) => {
    const { store, touch } = work;
    const user = await theUser(work, name);
    const after = { ...user, name: newName ?? user.name, path: newPath ?? user.path };
    const respelled = after.name.toLowerCase() === user.name.toLowerCase();
    if (!respelled && (await store.users.nameTaken(after.name))) throw userExists(after.name);
    await store.users.rename(user.id, after.name, after.path);
    touch(principalKey(user), principalKey(after), ...(await store.accessKeys.ofUser(user.id)).map(accessKeyKey));
    return {};
  },
});

export const deleteUser = writes('iam:DeleteUser', {
  check: (request: wire.DeleteUserRequest) => named(existingUserName(request.userName)),
  target: ({ name }, work) => userTarget(work, name),
  run: async ({ name }, work: Change) => {
    const { store, touch } = work;
    const user = await theUser(work, name);
    await checkNothingLeft(work, user);
    await store.users.remove(user.id);
    touch(principalKey(user), ...(await store.sessions.removeOf(user.id)).flatMap(sessionKeys));
    return {};
  },
});

async function checkNothingLeft({ store }: Change, { id, name }: User): Promise<void> {
  const holder = { kind: 'user', id, name } as const;
  const left = async (what: Promise<readonly unknown[]>, words: string) => {
    if ((await what).length > 0)
      throw new KeysteadError('DeleteConflict', `Cannot delete entity, must ${words} first.`);
  };
  await left(store.holdings.attachedTo(holder), 'detach all policies');
  await left(store.holdings.inlineOf(holder), 'delete policies');
  await left(store.accessKeys.ofUser(id), 'delete access keys');
  await left(store.groups.ofUser(id, { limit: 1, after: '' }), 'remove users from group');
}

export const listUsers = reads('iam:ListUsers', {
  check: (request: wire.ListUsersRequest) => ({ pathPrefix: pathPrefix(request.pathPrefix), page: readPage(request) }),
  target: ({ pathPrefix }, { caller }) => listTarget(caller.account, 'user', pathPrefix),
  run: async ({ pathPrefix, page }, { store }) => {
    const { items, ...rest } = paged(await store.users.list(pathPrefix, page), page, ({ name }) => name.toLowerCase());
    return { users: items.map((user) => wireUser(user, { tags: false })), ...rest };
  },
});

export const tagUser = writes('iam:TagUser', {
  check: (request: wire.TagUserRequest) => ({
    name: existingUserName(request.userName),
    tags: checkTags(request.tags),
  }),
  target: ({ name, tags }, work) => userTarget(work, name, requestTagValues(tags)),
  run: async ({ name, tags }, work: Change) => {
    const user = await theUser(work, name);
    await work.store.users.setTags(user.id, withTags(user.tags, tags));
    work.touch(principalKey(user));
    return {};
  },
});

export const untagUser = writes('iam:UntagUser', {
  check: (request: wire.UntagUserRequest) => ({
    name: existingUserName(request.userName),
    keys: checkTagKeys(request.tagKeys),
  }),
  target: ({ name, keys }, work) => userTarget(work, name, { 'aws:TagKeys': keys }),
  run: async ({ name, keys }, work: Change) => {
    const user = await theUser(work, name);
    await work.store.users.setTags(user.id, withoutTags(user.tags, keys));
    work.touch(principalKey(user));
    return {};
  },
});

export const listUserTags = reads('iam:ListUserTags', {
  check: (request: wire.ListUserTagsRequest) => ({ name: existingUserName(request.userName), page: readPage(request) }),
  target: ({ name }, work) => userTarget(work, name),
  run: async ({ name, page }, work) => {
    const { items, ...rest } = pageOf((await theUser(work, name)).tags, page, ({ key }) => key);
    return { tags: items, ...rest };
  },
});

const userExists = (name: string) => new KeysteadError('EntityAlreadyExists', `User with name ${name} already exists.`);
