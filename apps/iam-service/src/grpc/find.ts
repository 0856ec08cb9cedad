import type { Group, User } from '../domain/entities.js';
import { found, noGroup, noUser } from '../domain/not-found.js';
import type { Work } from './operation.js';

/** The user of that name in the caller's account. Throws NoSuchEntity. */
export async function theUser({ store }: Work, name: string): Promise<User> {
  return found(await store.users.byName(name), () => noUser(name));
}

/** The group of that name in the caller's account. Throws NoSuchEntity. */
export async function theGroup({ store }: Work, name: string): Promise<Group> {
  return found(await store.groups.byName(name), () => noGroup(name));
}
