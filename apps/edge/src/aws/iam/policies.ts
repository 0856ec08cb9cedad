import { query } from '../query/operation.js';
import { flag, text, texts } from '../query/read.js';
import { page, tags } from './users.js';

export const policies = [
  query('createPolicy', { policyName: text, path: text, policyDocument: text, description: text, tags }),
  query('getPolicy', { policyArn: text }),
  query('listPolicies', { scope: text, onlyAttached: flag, pathPrefix: text, policyUsageFilter: text, ...page }),
  query('deletePolicy', { policyArn: text }),
  query('createPolicyVersion', { policyArn: text, policyDocument: text, setAsDefault: flag }),
  query('getPolicyVersion', { policyArn: text, versionId: text }),
  query('listPolicyVersions', { policyArn: text, ...page }),
  query('deletePolicyVersion', { policyArn: text, versionId: text }),
  query('setDefaultPolicyVersion', { policyArn: text, versionId: text }),
  query('listEntitiesForPolicy', {
    policyArn: text,
    entityFilter: text,
    pathPrefix: text,
    policyUsageFilter: text,
    ...page,
  }),
  query('tagPolicy', { policyArn: text, tags }),
  query('untagPolicy', { policyArn: text, tagKeys: texts }),
  query('listPolicyTags', { policyArn: text, ...page }),
];
