import { KeysteadError } from '@keystead/errors';
import type * as wire from '@keystead/proto/iam-query';
import { matching, present, roleDescription, roleName } from '../../domain/fields.js';
import { uuid } from '../../domain/ids.js';
import { deletionTask, isServiceLinked, roleOfTask, serviceLinkedRole } from '../../domain/service-linked-roles.js';
import { theRole } from '../find.js';
import { reads, writes, type Change } from '../operation.js';
import { knownRoleTarget, roleTarget } from '../targets.js';
import { wireRole } from '../wire.js';
import { addRole, removeRole } from './roles.js';

const word = { min: 1, max: 128, pattern: /[\w+=,.@-]+/ };

export const createServiceLinkedRole = writes('iam:CreateServiceLinkedRole', {
  check: (request: wire.CreateServiceLinkedRoleRequest) => {
    const service = matching('aWSServiceName', present('aWSServiceName', request.awsServiceName), word);
    const { customSuffix } = request;
    const suffix =
      customSuffix === undefined ? undefined : matching('customSuffix', customSuffix, { ...word, max: 64 });
    return { service, ...serviceLinkedRole(service, suffix), description: roleDescription(request.description) };
  },
  target: ({ path, name, service }, { caller }) => {
    const target = knownRoleTarget(caller.account, name, { path, tags: [] }, { 'iam:AWSServiceName': service });
    return { ...target, shown: target.arn };
  },
  run: async ({ path, name, trust, description }, change: Change) => {
    if (await change.store.roles.nameTaken(name)) {
      const message = `Service role name ${name} has been taken in this account, please try a different suffix.`;
      throw new KeysteadError('InvalidInput', message);
    }
    const made = { path, name, description, boundaryArn: undefined, tags: [], maxSessionDuration: 3_600 };
    const role = await addRole({ ...made, trust: { document: trust, principals: {} } }, change);
    return { role: { ...wireRole(role, { details: true }), maxSessionDuration: undefined } };
  },
});

export const deleteServiceLinkedRole = writes('iam:DeleteServiceLinkedRole', {
  check: (request: wire.DeleteServiceLinkedRoleRequest) => ({ name: roleName(request.roleName) }),
  target: ({ name }, work) => roleTarget(work, name),
  run: async ({ name }, change: Change) => {
    const role = await theRole(change, name);
    if (!isServiceLinked(role)) {
      const message = `Cannot perform the operation on the role '${name}' - it is not a service-linked role`;
      throw new KeysteadError('UnmodifiableEntity', message);
    }
    await removeRole(role, change);
    return { deletionTaskId: deletionTask(role, uuid(change.random)) };
  },
});

/** Deletions are done when they are answered. */
export const getServiceLinkedRoleDeletionStatus = reads('iam:GetServiceLinkedRoleDeletionStatus', {
  check: (request: wire.GetServiceLinkedRoleDeletionStatusRequest) => {
    const task = present('deletionTaskId', request.deletionTaskId);
    return { task: matching('deletionTaskId', task, { min: 1, max: 1000, pattern: /[^]*/ }), name: roleOfTask(task) };
  },
  target: ({ name }, work) => roleTarget(work, name ?? '*'),
  run: async ({ name, task }) => {
    if (name === undefined) throw new KeysteadError('NoSuchEntity', `Task ID ${task.slice(0, 128)} not found.`);
    return { status: 'SUCCEEDED', reason: undefined };
  },
});
