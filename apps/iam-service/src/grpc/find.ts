import { KeysteadError } from '@keystead/errors';
import type { Group, Role, User } from '../domain/entities.js';
import { found, noGroup, noRole, noUser } from '../domain/not-found.js';
import { isServiceLinked } from '../domain/service-linked-roles.js';
import type { Work } from './operation.js';

/** The user of that name in the caller's account. Throws NoSuchEntity. */
export async function theUser({ store }: Work, name: string): Promise<User> {
  return found(await store.users.byName(name), () => noUser(name));
}

/** The group of that name in the caller's account. Throws NoSuchEntity. */
export async function theGroup({ store }: Work, name: string): Promise<Group> {
  return found(await store.groups.byName(name), () => noGroup(name));
}

/** The role of that name in the caller's account. Throws NoSuchEntity. */
export async function theRole({ store }: Work, name: string): Promise<Role> {
  return found(await store.roles.byName(name), () => noRole(name));
}

/** A role that its account may change. Throws NoSuchEntity, UnmodifiableEntity. */
export async function changeableRole(work: Work, name: string): Promise<Role> {
  const role = await theRole(work, name);
  if (!isServiceLinked(role)) return role;
  const message = `Cannot perform the operation on the protected role '${name}' - this role is only modifiable by AWS`;
  throw new KeysteadError('UnmodifiableEntity', message);
}
