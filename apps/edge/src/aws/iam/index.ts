import type { QueryApi } from '../query/api.js';
import { absent } from './absent.js';
import { accessKeys } from './access-keys.js';
import { account } from './account.js';
import { attachedPolicies } from './attached-policies.js';
import { groups } from './groups.js';
import { inlinePolicies } from './inline-policies.js';
import { instanceProfiles } from './instance-profiles.js';
import { oidcProviders } from './oidc-providers.js';
import { policies } from './policies.js';
import { roles } from './roles.js';
import { users } from './users.js';

const all = [
  ...[...users, ...groups, ...accessKeys, ...policies, ...attachedPolicies, ...inlinePolicies, ...account],
  ...[...roles, ...instanceProfiles, ...oidcProviders, ...absent],
];

/** AWS IAM, https://docs.aws.amazon.com/IAM/latest/APIReference/ */
export const iam: QueryApi = {
  name: 'iam',
  version: '2010-05-08',
  namespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
  eventSource: 'iam.amazonaws.com',
  operations: new Map(all.map((one) => [one.name, one])),
};
