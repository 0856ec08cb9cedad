import { query } from '../query/operation.js';
import { integer, text, texts } from '../query/read.js';
import { page, tags } from './users.js';

export const roles = [
  query('createRole', {
    path: text,
    roleName: text,
    assumeRolePolicyDocument: text,
    description: text,
    maxSessionDuration: integer,
    permissionsBoundary: text,
    tags,
  }),
  query('getRole', { roleName: text }),
  query('updateRole', { roleName: text, description: text, maxSessionDuration: integer }),
  query('updateRoleDescription', { roleName: text, description: text }),
  query('updateAssumeRolePolicy', { roleName: text, policyDocument: text }),
  query('deleteRole', { roleName: text }),
  query('listRoles', { pathPrefix: text, ...page }),
  query('tagRole', { roleName: text, tags }),
  query('untagRole', { roleName: text, tagKeys: texts }),
  query('listRoleTags', { roleName: text, ...page }),
  query('attachRolePolicy', { roleName: text, policyArn: text }),
  query('detachRolePolicy', { roleName: text, policyArn: text }),
  query('listAttachedRolePolicies', { roleName: text, pathPrefix: text, ...page }),
  query('putRolePolicy', { roleName: text, policyName: text, policyDocument: text }),
  query('getRolePolicy', { roleName: text, policyName: text }),
  query('deleteRolePolicy', { roleName: text, policyName: text }),
  query('listRolePolicies', { roleName: text, ...page }),
  query('putUserPermissionsBoundary', { userName: text, permissionsBoundary: text }),
  query('deleteUserPermissionsBoundary', { userName: text }),
  query('putRolePermissionsBoundary', { roleName: text, permissionsBoundary: text }),
  query('deleteRolePermissionsBoundary', { roleName: text }),
  query('createServiceLinkedRole', { awsServiceName: text, description: text, customSuffix: text }),
  query('deleteServiceLinkedRole', { roleName: text }),
  query('getServiceLinkedRoleDeletionStatus', { deletionTaskId: text }),
];
