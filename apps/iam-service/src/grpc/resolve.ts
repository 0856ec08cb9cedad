import type { Principal } from '@keystead/proto/common';
import { parseAssumedRoleArn, rootArn } from '../domain/arn.js';
import type { Role, User } from '../domain/entities.js';
import { roleByArn, rolePrincipal, rolePrincipalOf, userByArn, userPrincipal, type BundleSource } from './bundles.js';

/** What principals are found in. */
export interface PrincipalSource {
  storeOf: BundleSource['storeOf'];
  /** A user of whatever account, by unique id. */
  userById(id: string): Promise<User | undefined>;
  /** A role of whatever account, by unique id. */
  roleById(id: string): Promise<Role | undefined>;
}

/** A principal that exists, with the id that is its own for ever. */
export type Resolved = Pick<Principal, 'arn' | 'uniqueId'>;

/** A principal as policies name it: user, role, session or root ARN, account, or unique id; undefined when there is none. */
export async function resolvePrincipal(source: PrincipalSource, asked: string): Promise<Resolved | undefined> {
  const account = /^(?:arn:aws:iam::)?(\d{12})(?::root)?$/.exec(asked)?.[1];
  if (account !== undefined) {
    const exists = (await source.storeOf(account).account.createdAt()) !== undefined;
    return exists ? { arn: rootArn(account), uniqueId: account } : undefined;
  }
  return asked.startsWith('arn:') ? byArn(source, asked) : byId(source, asked);
}

async function byArn(source: PrincipalSource, arn: string): Promise<Resolved | undefined> {
  const session = parseAssumedRoleArn(arn);
  if (session) {
    const role = await source.storeOf(session.account).roles.byName(session.role);
    return role && rolePrincipalOf(role, session.session);
  }
  const role = await roleByArn(source, arn);
  if (role) return rolePrincipal(role);
  const user = await userByArn(source, arn);
  return user && userPrincipal(user);
}

async function byId(source: PrincipalSource, id: string): Promise<Resolved | undefined> {
  if (id.startsWith('AROA')) {
    const role = await source.roleById(id);
    return role && rolePrincipal(role);
  }
  const user = await source.userById(id);
  return user && userPrincipal(user);
}
