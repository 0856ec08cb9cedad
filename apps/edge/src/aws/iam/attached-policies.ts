import { query } from '../query/operation.js';
import { text } from '../query/read.js';
import { page } from './users.js';

export const attachedPolicies = [
  query('attachUserPolicy', { userName: text, policyArn: text }),
  query('detachUserPolicy', { userName: text, policyArn: text }),
  query('listAttachedUserPolicies', { userName: text, pathPrefix: text, ...page }),
  query('attachGroupPolicy', { groupName: text, policyArn: text }),
  query('detachGroupPolicy', { groupName: text, policyArn: text }),
  query('listAttachedGroupPolicies', { groupName: text, pathPrefix: text, ...page }),
];
