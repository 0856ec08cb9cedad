import { KeysteadError } from '@keystead/errors';
import type * as wire from '@keystead/proto/iam-query';
import type { AccessKey } from '../../domain/entities.js';
import { accessKeyId, existingUserName, oneOf } from '../../domain/fields.js';
import * as ids from '../../domain/ids.js';
import { found, noAccessKey } from '../../domain/not-found.js';
import { pageOf, readPage } from '../../domain/paging.js';
import { checkQuota, quotas } from '../../domain/quotas.js';
import { accessKeyKey } from '../cache-keys.js';
import { ownName, type Caller } from '../caller.js';
import { theUser } from '../find.js';
import { reads, writes, type Change, type Target, type Work } from '../operation.js';
import { knownUserTarget, rootTarget, userTarget } from '../targets.js';
import { wireAccessKey } from '../wire.js';

/** Who is meant: the user named, or the caller. Undefined is the root user, who asks for its own without a name. */
export function ownerOf(request: { userName?: string | undefined }, caller: Caller): { name: string | undefined } {
  if (request.userName === undefined && caller.isRoot) return { name: undefined };
  return { name: existingUserName(request.userName ?? ownName(caller)) };
}

export function ownerTarget(name: string | undefined, work: Work): Promise<Target> | Target {
  return name === undefined ? rootTarget(work.caller.account) : userTarget(work, name);
}

/** The unique id of the owner, and its keys. Throws NoSuchEntity. */
async function keysOf(work: Work, name: string | undefined): Promise<{ ownerId: string; keys: AccessKey[] }> {
  const { accessKeys } = work.store;
  if (name === undefined) return { ownerId: work.caller.account, keys: await accessKeys.ofRoot() };
  const { id } = await theUser(work, name);
  return { ownerId: id, keys: await accessKeys.ofUser(id) };
}

interface NewKey {
  readonly id: string;
  readonly secret: Buffer;
  readonly wrapped: Uint8Array;
}

export const createAccessKey = writes('iam:CreateAccessKey', {
  check: (request: wire.CreateAccessKeyRequest, caller): { name: string | undefined; made?: NewKey } =>
    ownerOf(request, caller),
  target: ({ name }, work) => ownerTarget(name, work),
  prepare: async ({ name }, work) => ({ name, made: await makeKey(work) }),
  run: async ({ name, made }, work: Change) => {
    if (!made) throw new Error('a key is made before its transaction');
    const { ownerId, keys } = await keysOf(work, name);
    checkQuota('AccessKeysPerUser', keys.length, quotas.AccessKeysPerUserQuota);
    const key = newKey(work, ownerId, made.id);
    await work.store.accessKeys.add(key, made.wrapped);
    work.touch(accessKeyKey(key));
    const { id, createdAt, status } = key;
    const secretAccessKey = made.secret.toString('latin1');
    return { accessKey: { userName: name ?? 'root', accessKeyId: id, status, secretAccessKey, createDate: createdAt } };
  },
  dispose: ({ made }) => made?.secret.fill(0),
});

async function makeKey({ caller, random, secrets }: Work): Promise<NewKey> {
  const id = ids.accessKeyId(caller.account, random);
  const secret = ids.secretAccessKey(random);
  return { id, secret, wrapped: await secrets.wrap(id, secret) };
}

function newKey({ caller, now }: Work, userId: string, id: string): AccessKey {
  return { account: caller.account, id, userId, status: 'Active', createdAt: now, lastUse: undefined };
}

export const listAccessKeys = reads('iam:ListAccessKeys', {
  check: (request: wire.ListAccessKeysRequest, caller) => ({ ...ownerOf(request, caller), page: readPage(request) }),
  target: ({ name }, work) => ownerTarget(name, work),
  run: async ({ name, page }, work) => {
    const { keys } = await keysOf(work, name);
    const { items, ...rest } = pageOf(keys, page, ({ id }) => id);
    return { accessKeyMetadata: items.map((key) => wireAccessKey(key, name)), ...rest };
  },
});

export const updateAccessKey = writes('iam:UpdateAccessKey', {
  check: (request: wire.UpdateAccessKeyRequest, caller) => ({
    ...ownerOf(request, caller),
    id: accessKeyId(request.accessKeyId),
    status: oneOf('status', request.status, ['Active', 'Inactive']),
  }),
  target: ({ name }, work) => ownerTarget(name, work),
  run: async ({ name, id, status }, work: Change) => {
    const key = await theKey(work, name, id);
    await work.store.accessKeys.setStatus(key.id, status);
    work.touch(accessKeyKey(key));
    return {};
  },
});

export const deleteAccessKey = writes('iam:DeleteAccessKey', {
  check: (request: wire.DeleteAccessKeyRequest, caller) => ({
    ...ownerOf(request, caller),
    id: accessKeyId(request.accessKeyId),
  }),
  target: ({ name }, work) => ownerTarget(name, work),
  run: async ({ name, id }, work: Change) => {
    const key = await theKey(work, name, id);
    await work.store.accessKeys.remove(key.id);
    work.touch(accessKeyKey(key));
    return {};
  },
});

/** The key, if it is that owner's. Throws NoSuchEntity. */
async function theKey(work: Work, name: string | undefined, id: string): Promise<AccessKey> {
  const { keys } = await keysOf(work, name);
  return found(
    keys.find((key) => key.id === id),
    () => noAccessKey(id),
  );
}

export const getAccessKeyLastUsed = reads('iam:GetAccessKeyLastUsed', {
  check: (request: wire.GetAccessKeyLastUsedRequest) => ({ id: accessKeyId(request.accessKeyId) }),
  target: async ({ id }, work) => {
    const { account } = work.caller;
    const owner = await userOfKey(work, id);
    return { ...knownUserTarget(account, owner?.name ?? '*', owner), shown: 'access key ID' };
  },
  run: async ({ id }, work) => {
    const key = await work.store.accessKeys.byId(id);
    if (!key) throw unknownKey(work.caller);
    const owner = await userOfKey(work, id);
    const { at, service = 'N/A', region = 'N/A' } = key.lastUse ?? {};
    return { userName: owner?.name ?? 'root', accessKeyLastUsed: { lastUsedDate: at, serviceName: service, region } };
  },
});

async function userOfKey({ store }: Work, keyId: string) {
  const key = await store.accessKeys.byId(keyId);
  return key && store.users.byId(key.userId);
}

/** AWS does not say of a key whether it exists in another account, or at all. */
function unknownKey(caller: Caller): KeysteadError {
  const who = caller.principal.arn;
  const message = `User: ${who} is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key ID`;
  return new KeysteadError('AccessDenied', message);
}
