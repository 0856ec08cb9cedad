import { query } from '../query/operation.js';
import { text } from '../query/read.js';
import { page } from './users.js';

export const account = [
  query('getAccountSummary', {}),
  query('createAccountAlias', { accountAlias: text }),
  query('deleteAccountAlias', { accountAlias: text }),
  query('listAccountAliases', page),
  query('listRoles', { pathPrefix: text, ...page }),
];
