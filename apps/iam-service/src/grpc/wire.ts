import type * as wire from '@keystead/proto/iam-query';
import { entityArn, instanceProfileArn, policyArn } from '../domain/arn.js';
import type {
  AccessKey,
  Group,
  InstanceProfile,
  ManagedPolicy,
  PolicyVersion,
  Role,
  User,
} from '../domain/entities.js';
import type { Usage } from '../store/holdings.js';

/** A user as IAM shows it; lists leave the tags out. */
export function wireUser(user: User, shown: { tags: boolean }): wire.User {
  return {
    path: user.path,
    userName: user.name,
    userId: user.id,
    arn: entityArn('user', user),
    createDate: user.createdAt,
    permissionsBoundary: wireBoundary(user.boundaryArn),
    tags: shown.tags ? [...user.tags] : [],
  };
}

function wireBoundary(arn: string | undefined): wire.AttachedPermissionsBoundary | undefined {
  return arn === undefined ? undefined : { permissionsBoundaryType: 'Policy', permissionsBoundaryArn: arn };
}

/** A role as IAM shows it; lists leave boundary, tags and last use out. */
export function wireRole(role: Role, shown: { details: boolean }): wire.Role {
  const { lastUse } = role;
  return {
    path: role.path,
    roleName: role.name,
    roleId: role.id,
    arn: entityArn('role', role),
    createDate: role.createdAt,
    assumeRolePolicyDocument: role.trust.document,
    description: role.description,
    maxSessionDuration: role.maxSessionDuration,
    permissionsBoundary: shown.details ? wireBoundary(role.boundaryArn) : undefined,
    tags: shown.details ? [...role.tags] : [],
    roleLastUsed: shown.details ? { lastUsedDate: lastUse?.at, region: lastUse?.region } : undefined,
  };
}

/** An instance profile as IAM shows it; lists leave the tags out. */
export function wireInstanceProfile(
  profile: InstanceProfile,
  role: Role | undefined,
  shown: { details: boolean },
): wire.InstanceProfile {
  const { account, path, name, id, createdAt } = profile;
  return {
    path,
    instanceProfileName: name,
    instanceProfileId: id,
    arn: instanceProfileArn(account, path, name),
    createDate: createdAt,
    roles: role ? [wireRole(role, { details: false })] : [],
    tags: shown.details ? [...profile.tags] : [],
  };
}

export function wireGroup(group: Group): wire.Group {
  const { path, name, id, createdAt } = group;
  return { path, groupName: name, groupId: id, arn: entityArn('group', group), createDate: createdAt };
}

export function wireAccessKey(key: AccessKey, userName: string | undefined): wire.AccessKeyMetadata {
  return { userName, accessKeyId: key.id, status: key.status, createDate: key.createdAt };
}

/** A managed policy as IAM shows it; lists leave tags and description out. */
export function wirePolicy(policy: ManagedPolicy, usage: Usage | undefined, shown: { details: boolean }): wire.Policy {
  return {
    policyName: policy.name,
    policyId: policy.id,
    arn: policyArn(policy.account, policy.path, policy.name),
    path: policy.path,
    defaultVersionId: `v${policy.defaultVersion}`,
    attachmentCount: usage?.attachments ?? 0,
    permissionsBoundaryUsageCount: usage?.boundaries ?? 0,
    isAttachable: true,
    description: shown.details ? policy.description : undefined,
    createDate: policy.createdAt,
    updateDate: policy.updatedAt,
    tags: shown.details ? [...policy.tags] : [],
  };
}

/** A version as IAM shows it; lists leave the document out. */
export function wireVersion(
  { number, document, createdAt }: PolicyVersion,
  defaultVersion: number,
  shown: { document: boolean },
): wire.PolicyVersion {
  return {
    document: shown.document ? document : undefined,
    versionId: `v${number}`,
    isDefaultVersion: number === defaultVersion,
    createDate: createdAt,
  };
}
