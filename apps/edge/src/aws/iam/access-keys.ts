import { query } from '../query/operation.js';
import { text } from '../query/read.js';
import { page } from './users.js';

export const accessKeys = [
  query('createAccessKey', { userName: text }),
  query('listAccessKeys', { userName: text, ...page }),
  query('updateAccessKey', { userName: text, accessKeyId: text, status: text }),
  query('deleteAccessKey', { userName: text, accessKeyId: text }),
  query('getAccessKeyLastUsed', { accessKeyId: text }),
];
