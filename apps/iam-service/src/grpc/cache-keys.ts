import { roleArn, rootArn, userArn } from '../domain/arn.js';
import type { AccessKey, Role, User } from '../domain/entities.js';

/** The name of a principal's facts in other services' caches. */
export const principalKey = (user: Pick<User, 'account' | 'path' | 'name'>) =>
  `principal/${userArn(user.account, user.path, user.name)}`;

/** The same of an account's root user. */
export const rootKey = (account: string) => `principal/${rootArn(account)}`;

/** The same of a role; it voids its sessions too. */
export const roleKey = ({ account, path, name }: Pick<Role, 'account' | 'path' | 'name'>) =>
  `principal/${roleArn(account, path, name)}`;

/** The names of a session's facts in other services' caches. */
export const sessionKeys = (accessKeyId: string) => [`access-key/${accessKeyId}`, `session/${accessKeyId}`];

/** The name of an access key's facts in other services' caches. */
export const accessKeyKey = (key: Pick<AccessKey, 'id'>) => `access-key/${key.id}`;
