import { existingUserName, groupName, roleName } from '../domain/fields.js';
import type { EntityKind, Holder } from '../domain/entities.js';
import { principalKey, roleKey } from './cache-keys.js';
import { changeableRole, theGroup, theRole, theUser } from './find.js';
import type { Change, Target, Work } from './operation.js';
import { groupTarget, roleTarget, userTarget } from './targets.js';
import type { ContextRecord } from '@keystead/policy';

/** The user, group or role of a request: operations come in pairs that differ only in this. */
export interface Named {
  readonly kind: EntityKind;
  readonly name: string;
}

export const namedUser = (request: { userName?: string | undefined }): Named => ({
  kind: 'user',
  name: existingUserName(request.userName),
});

export const namedGroup = (request: { groupName?: string | undefined }): Named => ({
  kind: 'group',
  name: groupName(request.groupName),
});

export const namedRole = (request: { roleName?: string | undefined }): Named => ({
  kind: 'role',
  name: roleName(request.roleName),
});

const targets = { user: userTarget, group: groupTarget, role: roleTarget };

export function holderTarget({ kind, name }: Named, work: Work, values: ContextRecord = {}): Promise<Target> {
  return targets[kind](work, name, values);
}

/** A holder whose policies are to be changed: conditions may ask which boundary limits it. */
export async function policyHolderTarget(named: Named, work: Work, values: ContextRecord = {}): Promise<Target> {
  return holderTarget(named, work, { 'iam:PermissionsBoundary': await boundaryArnOf(named, work), ...values });
}

async function boundaryArnOf({ kind, name }: Named, { store }: Work): Promise<string | undefined> {
  if (kind === 'user') return (await store.users.byName(name))?.boundaryArn;
  if (kind === 'role') return (await store.roles.byName(name))?.boundaryArn;
  return undefined;
}

const finders = { user: theUser, group: theGroup, role: theRole };

/** The holder, if it exists. Throws NoSuchEntity. */
export async function theHolder(work: Work, { kind, name }: Named): Promise<Holder> {
  const { id } = await finders[kind](work, name);
  return { kind, id, name };
}

/** The holder, if it exists and its account may change it. Throws NoSuchEntity, UnmodifiableEntity. */
export async function changeableHolder(work: Work, named: Named): Promise<Holder> {
  if (named.kind === 'role') await changeableRole(work, named.name);
  return theHolder(work, named);
}

/** Voids what is cached of everyone whose rights come from this holder. */
export async function touchHolder({ store, touch }: Change, { kind, id }: Holder): Promise<void> {
  if (kind === 'user') {
    const user = await store.users.byId(id);
    if (user) touch(principalKey(user));
    return;
  }
  if (kind === 'role') {
    const role = await store.roles.byId(id);
    if (role) touch(roleKey(role));
    return;
  }
  touch(...(await store.users.ofGroup(id, { limit: 10_000, after: '' })).map(principalKey));
}
