import { PrincipalType, type Principal } from '@keystead/proto/common';
import { BundlePolicy_Source, type BundlePolicy, type PrincipalBundle } from '@keystead/proto/iam';
import { assumedRoleArn, parseIamArn, type NamedByArn, roleArn, rootArn, userArn } from '../domain/arn.js';
import type { IssuedSession, Role, Tag, User } from '../domain/entities.js';
import type { IamStore } from '../store/iam-store.js';
import type { AppliedPolicy, PolicySource } from '../store/principals.js';

/** What bundles are made of. */
export interface BundleSource {
  /** The number of the last committed change. */
  sequence(): Promise<bigint>;
  storeOf(account: string): IamStore;
  policiesOf(user: User): Promise<AppliedPolicy[]>;
  policiesOfRole(role: Role): Promise<AppliedPolicy[]>;
}

const sources: Record<PolicySource, BundlePolicy_Source> = {
  'user-inline': BundlePolicy_Source.SOURCE_USER_INLINE,
  'user-managed': BundlePolicy_Source.SOURCE_USER_MANAGED,
  'group-inline': BundlePolicy_Source.SOURCE_GROUP_INLINE,
  'group-managed': BundlePolicy_Source.SOURCE_GROUP_MANAGED,
  'role-inline': BundlePolicy_Source.SOURCE_ROLE_INLINE,
  'role-managed': BundlePolicy_Source.SOURCE_ROLE_MANAGED,
  boundary: BundlePolicy_Source.SOURCE_BOUNDARY,
};

/** A user as the caller of a request. */
export function userPrincipal(user: User): Principal {
  const { account, path, name, id } = user;
  const arn = userArn(account, path, name);
  return { type: PrincipalType.PRINCIPAL_TYPE_IAM_USER, arn, uniqueId: id, account, userName: name };
}

/** A role as the issuer of sessions. */
export function rolePrincipal({ account, path, name, id }: Role): Principal {
  const type = PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE;
  return { type, arn: roleArn(account, path, name), uniqueId: id, account, userName: '' };
}

/** A session of a role as the caller of a request. */
export function rolePrincipalOf({ account, name, id }: Role, session: string): Principal {
  const type = PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE;
  return { type, arn: assumedRoleArn(account, name, session), uniqueId: `${id}:${session}`, account, userName: '' };
}

/** The root user of an account; its unique id is the account. */
export function rootPrincipal(account: string): Principal {
  const type = PrincipalType.PRINCIPAL_TYPE_ROOT;
  return { type, arn: rootArn(account), uniqueId: account, account, userName: '' };
}

/** Everything that decides what a user may do. */
export async function userBundle(source: BundleSource, user: User): Promise<PrincipalBundle> {
  // Read before the policies: the bundle may be newer than its number, never older.
  const sequence = await source.sequence();
  const policies = await source.policiesOf(user);
  return { principal: userPrincipal(user), policies: wirePolicies(policies), tags: tagMap(user.tags), sequence };
}

/** Everything that decides what the sessions of a role may do, but for their own policies. */
export async function roleBundle(source: BundleSource, role: Role): Promise<PrincipalBundle> {
  const sequence = await source.sequence();
  const policies = await source.policiesOfRole(role);
  return { principal: rolePrincipal(role), policies: wirePolicies(policies), tags: tagMap(role.tags), sequence };
}

/** A session's own policies, which cap it. */
export function sessionBundle({ facts }: IssuedSession, principal: Principal, sequence: bigint): PrincipalBundle {
  const source = BundlePolicy_Source.SOURCE_SESSION;
  return {
    principal,
    policies: facts.policies.map((policy) => ({ ...policy, source, group: '' })),
    tags: tagMap(facts.tags),
    sequence,
  };
}

const wirePolicies = (policies: readonly AppliedPolicy[]): BundlePolicy[] =>
  policies.map((policy) => ({ ...policy, source: sources[policy.source] }));

/** Tags as a map; their keys are unique. */
export const tagMap = (tags: readonly Tag[]): Record<string, string> =>
  Object.fromEntries(tags.map(({ key, value }) => [key, value]));

/** The bundle of a user or root by ARN; undefined when nobody has that ARN (and, when given, that unique id). */
export async function bundleByArn(
  source: BundleSource,
  arn: string,
  uniqueId: string,
): Promise<PrincipalBundle | undefined> {
  const named = parseIamArn(arn);
  if (!named) return undefined;
  const bundle = await bundleOf(source, named, arn);
  return uniqueId === '' || bundle?.principal?.uniqueId === uniqueId ? bundle : undefined;
}

async function bundleOf(
  source: BundleSource,
  { type, account }: NamedByArn,
  arn: string,
): Promise<PrincipalBundle | undefined> {
  if (type === 'root') return rootBundle(source, account);
  if (type === 'role') {
    const role = await roleByArn(source, arn);
    return role && roleBundle(source, role);
  }
  const user = await userByArn(source, arn);
  return user && userBundle(source, user);
}

async function rootBundle(source: BundleSource, account: string): Promise<PrincipalBundle | undefined> {
  const sequence = await source.sequence();
  const exists = (await source.storeOf(account).account.createdAt()) !== undefined;
  return exists ? { principal: rootPrincipal(account), policies: [], tags: {}, sequence } : undefined;
}

/** The user whose ARN this is, path and case included. */
export async function userByArn(source: Pick<BundleSource, 'storeOf'>, arn: string): Promise<User | undefined> {
  const named = parseIamArn(arn);
  if (named?.type !== 'user') return undefined;
  const user = await source.storeOf(named.account).users.byName(named.name);
  return user?.path === named.path ? user : undefined;
}

/** The role whose ARN this is, path and case included. */
export async function roleByArn(source: Pick<BundleSource, 'storeOf'>, arn: string): Promise<Role | undefined> {
  const named = parseIamArn(arn);
  if (named?.type !== 'role') return undefined;
  const role = await source.storeOf(named.account).roles.byName(named.name);
  return role?.path === named.path ? role : undefined;
}
