import { query } from '../query/operation.js';
import { text, texts } from '../query/read.js';
import { page, tags } from './users.js';

export const instanceProfiles = [
  query('createInstanceProfile', { instanceProfileName: text, path: text, tags }),
  query('getInstanceProfile', { instanceProfileName: text }),
  query('deleteInstanceProfile', { instanceProfileName: text }),
  query('listInstanceProfiles', { pathPrefix: text, ...page }),
  query('listInstanceProfilesForRole', { roleName: text, ...page }),
  query('addRoleToInstanceProfile', { instanceProfileName: text, roleName: text }),
  query('removeRoleFromInstanceProfile', { instanceProfileName: text, roleName: text }),
  query('tagInstanceProfile', { instanceProfileName: text, tags }),
  query('untagInstanceProfile', { instanceProfileName: text, tagKeys: texts }),
  query('listInstanceProfileTags', { instanceProfileName: text, ...page }),
];
