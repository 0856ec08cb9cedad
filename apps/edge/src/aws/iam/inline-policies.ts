import { query } from '../query/operation.js';
import { text } from '../query/read.js';
import { page } from './users.js';

export const inlinePolicies = [
  query('putUserPolicy', { userName: text, policyName: text, policyDocument: text }),
  query('getUserPolicy', { userName: text, policyName: text }),
  query('deleteUserPolicy', { userName: text, policyName: text }),
  query('listUserPolicies', { userName: text, ...page }),
  query('putGroupPolicy', { groupName: text, policyName: text, policyDocument: text }),
  query('getGroupPolicy', { groupName: text, policyName: text }),
  query('deleteGroupPolicy', { groupName: text, policyName: text }),
  query('listGroupPolicies', { groupName: text, ...page }),
];
