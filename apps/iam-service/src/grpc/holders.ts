import { existingUserName, groupName } from '../domain/fields.js';
import type { EntityKind, Holder } from '../domain/entities.js';
import { principalKey } from './cache-keys.js';
import { theGroup, theUser } from './find.js';
import type { Change, Target, Work } from './operation.js';
import { groupTarget, userTarget } from './targets.js';
import type { ContextRecord } from '@keystead/policy';

/** The user or group of a request: operations come in pairs that differ only in this. */
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

export function holderTarget({ kind, name }: Named, work: Work, values: ContextRecord = {}): Promise<Target> {
  return kind === 'user' ? userTarget(work, name, values) : groupTarget(work, name, values);
}

/** The holder, if it exists. Throws NoSuchEntity. */
export async function theHolder(work: Work, { kind, name }: Named): Promise<Holder> {
  const { id } = kind === 'user' ? await theUser(work, name) : await theGroup(work, name);
  return { kind, id, name };
}

/** Voids what is cached of everyone whose rights come from this holder. */
export async function touchHolder({ store, touch }: Change, { kind, id }: Holder): Promise<void> {
  if (kind === 'user') {
    const user = await store.users.byId(id);
    if (user) touch(principalKey(user));
    return;
  }
  touch(...(await store.users.ofGroup(id, { limit: 10_000, after: '' })).map(principalKey));
}
