import { KeysteadError } from '@keystead/errors';

/** IAM's default quotas, by the names under which GetAccountSummary tells them. */
export const quotas = {
  UsersQuota: 5000,
  GroupsQuota: 300,
  PoliciesQuota: 1500,
  GroupsPerUserQuota: 10,
  AccessKeysPerUserQuota: 2,
  AttachedPoliciesPerUserQuota: 10,
  AttachedPoliciesPerGroupQuota: 10,
  VersionsPerPolicyQuota: 5,
  /** Characters without white space. */
  PolicySizeQuota: 6144,
  UserPolicySizeQuota: 2048,
  GroupPolicySizeQuota: 5120,
  RolesQuota: 1000,
  RolePolicySizeQuota: 10240,
  AssumeRolePolicySizeQuota: 2048,
  AttachedPoliciesPerRoleQuota: 10,
  InstanceProfilesQuota: 1000,
} as const;

/** Refuses one more when there are as many as allowed; `name` as AWS says it, for example "AccessKeysPerUser". */
export function checkQuota(name: string, present: number, quota: number): void {
  if (present >= quota) throw new KeysteadError('LimitExceeded', `Cannot exceed quota for ${name}: ${quota}`);
}
