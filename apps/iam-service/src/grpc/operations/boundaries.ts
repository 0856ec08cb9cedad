import type * as wire from '@keystead/proto/iam-query';
import { existingUserName, policyArn, roleName } from '../../domain/fields.js';
import { principalKey, roleKey } from '../cache-keys.js';
import { changeableRole, theUser } from '../find.js';
import { attachablePolicy } from '../managed-policy.js';
import { writes, type Change } from '../operation.js';
import { roleTarget, userTarget } from '../targets.js';

const boundary = (request: { permissionsBoundary?: string | undefined }) =>
  policyArn(request.permissionsBoundary, 'permissionsBoundary');

async function limitUser(name: string, arn: string | undefined, change: Change): Promise<Record<string, never>> {
  const user = await theUser(change, name);
  if (arn !== undefined) await attachablePolicy(change.store, arn);
  await change.store.users.setBoundary(user.id, arn);
  change.touch(principalKey(user));
  return {};
}

async function limitRole(name: string, arn: string | undefined, change: Change): Promise<Record<string, never>> {
  const role = await changeableRole(change, name);
  if (arn !== undefined) await attachablePolicy(change.store, arn);
  await change.store.roles.setBoundary(role.id, arn);
  change.touch(roleKey(role));
  return {};
}

export const putUserPermissionsBoundary = writes('iam:PutUserPermissionsBoundary', {
  check: (request: wire.PutUserPermissionsBoundaryRequest) => ({
    name: existingUserName(request.userName),
    arn: boundary(request),
  }),
  target: ({ name, arn }, work) => userTarget(work, name, { 'iam:PermissionsBoundary': arn }),
  run: ({ name, arn }, change: Change) => limitUser(name, arn, change),
});

export const deleteUserPermissionsBoundary = writes('iam:DeleteUserPermissionsBoundary', {
  check: (request: wire.DeleteUserPermissionsBoundaryRequest) => ({ name: existingUserName(request.userName) }),
  target: async ({ name }, work) => {
    const present = (await work.store.users.byName(name))?.boundaryArn;
    return userTarget(work, name, { 'iam:PermissionsBoundary': present });
  },
  run: ({ name }, change: Change) => limitUser(name, undefined, change),
});

export const putRolePermissionsBoundary = writes('iam:PutRolePermissionsBoundary', {
  check: (request: wire.PutRolePermissionsBoundaryRequest) => ({
    name: roleName(request.roleName),
    arn: boundary(request),
  }),
  target: ({ name, arn }, work) => roleTarget(work, name, { 'iam:PermissionsBoundary': arn }),
  run: ({ name, arn }, change: Change) => limitRole(name, arn, change),
});

export const deleteRolePermissionsBoundary = writes('iam:DeleteRolePermissionsBoundary', {
  check: (request: wire.DeleteRolePermissionsBoundaryRequest) => ({ name: roleName(request.roleName) }),
  target: async ({ name }, work) => {
    const present = (await work.store.roles.byName(name))?.boundaryArn;
    return roleTarget(work, name, { 'iam:PermissionsBoundary': present });
  },
  run: ({ name }, change: Change) => limitRole(name, undefined, change),
});
