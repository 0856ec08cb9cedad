import { query } from '../query/operation.js';
import { text } from '../query/read.js';
import { page } from './users.js';

export const groups = [
  query('createGroup', { path: text, groupName: text }),
  query('getGroup', { groupName: text, ...page }),
  query('updateGroup', { groupName: text, newPath: text, newGroupName: text }),
  query('deleteGroup', { groupName: text }),
  query('listGroups', { pathPrefix: text, ...page }),
  query('addUserToGroup', { groupName: text, userName: text }),
  query('removeUserFromGroup', { groupName: text, userName: text }),
  query('listGroupsForUser', { userName: text, ...page }),
];
