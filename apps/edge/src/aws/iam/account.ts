import { query } from '../query/operation.js';
import { members, structure, text, texts } from '../query/read.js';
import type { ContextEntry } from '@keystead/proto/iam-query';
import { page } from './users.js';

const simulation = {
  policyInputList: texts,
  permissionsBoundaryPolicyInputList: texts,
  actionNames: texts,
  resourceArns: texts,
  resourcePolicy: text,
  resourceOwner: text,
  callerArn: text,
  contextEntries: members(
    structure<ContextEntry>({ contextKeyName: text, contextKeyValues: texts, contextKeyType: text }),
  ),
  resourceHandlingOption: text,
  ...page,
};

export const account = [
  query('getAccountSummary', {}),
  query('getAccountAuthorizationDetails', { filter: texts, ...page }),
  query('simulateCustomPolicy', simulation),
  query('simulatePrincipalPolicy', { policySourceArn: text, ...simulation }),
  query('getContextKeysForCustomPolicy', { policyInputList: texts }),
  query('getContextKeysForPrincipalPolicy', { policySourceArn: text, policyInputList: texts }),
  query('createAccountAlias', { accountAlias: text }),
  query('deleteAccountAlias', { accountAlias: text }),
  query('listAccountAliases', page),
];
