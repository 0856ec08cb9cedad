import type * as wire from '@keystead/proto/iam-query';
import { entityArn, policyArn } from '../domain/arn.js';
import type { AccessKey, Group, ManagedPolicy, PolicyVersion, User } from '../domain/entities.js';
import type { Usage } from '../store/holdings.js';

/** A user as IAM shows it; lists leave the tags out. */
export function wireUser(user: User, shown: { tags: boolean }): wire.User {
  const boundary = user.boundaryArn;
  return {
    path: user.path,
    userName: user.name,
    userId: user.id,
    arn: entityArn('user', user),
    createDate: user.createdAt,
    permissionsBoundary:
      boundary === undefined ? undefined : { permissionsBoundaryType: 'Policy', permissionsBoundaryArn: boundary },
    tags: shown.tags ? [...user.tags] : [],
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
