import type { Tag } from '@keystead/proto/iam-query';
import { query } from '../query/operation.js';
import { integer, members, structure, text, texts } from '../query/read.js';

export const tags = members(structure<Tag>({ key: text, value: text }));

export const page = { marker: text, maxItems: integer };

export const users = [
  query('createUser', { path: text, userName: text, permissionsBoundary: text, tags }),
  query('getUser', { userName: text }),
  query('updateUser', { userName: text, newPath: text, newUserName: text }),
  query('deleteUser', { userName: text }),
  query('listUsers', { pathPrefix: text, ...page }),
  query('tagUser', { userName: text, tags }),
  query('untagUser', { userName: text, tagKeys: texts }),
  query('listUserTags', { userName: text, ...page }),
];
