import { PrincipalType, type Principal } from '@keystead/proto/common';
import { BundlePolicy_Source, type PrincipalBundle } from '@keystead/proto/iam';
import { parseIamArn, rootArn, userArn } from '../domain/arn.js';
import type { User } from '../domain/entities.js';
import type { IamStore } from '../store/iam-store.js';
import type { AppliedPolicy, PolicySource } from '../store/principals.js';

/** What bundles are made of. */
export interface BundleSource {
  /** The number of the last committed change. */
  sequence(): Promise<bigint>;
  storeOf(account: string): IamStore;
  policiesOf(user: User): Promise<AppliedPolicy[]>;
}

const sources: Record<PolicySource, BundlePolicy_Source> = {
  'user-inline': BundlePolicy_Source.SOURCE_USER_INLINE,
  'user-managed': BundlePolicy_Source.SOURCE_USER_MANAGED,
  'group-inline': BundlePolicy_Source.SOURCE_GROUP_INLINE,
  'group-managed': BundlePolicy_Source.SOURCE_GROUP_MANAGED,
  boundary: BundlePolicy_Source.SOURCE_BOUNDARY,
};

/** A user as the caller of a request. */
export function userPrincipal(user: User): Principal {
  const { account, path, name, id } = user;
  const arn = userArn(account, path, name);
  return { type: PrincipalType.PRINCIPAL_TYPE_IAM_USER, arn, uniqueId: id, account, userName: name };
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
  return {
    principal: userPrincipal(user),
    policies: policies.map((policy) => ({ ...policy, source: sources[policy.source] })),
    tags: Object.fromEntries(user.tags.map(({ key, value }) => [key, value])),
    sequence,
  };
}

/** The bundle of a user or root by ARN; undefined when nobody has that ARN (and, when given, that unique id). */
export async function bundleByArn(
  source: BundleSource,
  arn: string,
  uniqueId: string,
): Promise<PrincipalBundle | undefined> {
  const named = parseIamArn(arn);
  if (!named) return undefined;
  const bundle = named.type === 'root' ? await rootBundle(source, named.account) : await namedUser(source, arn);
  return uniqueId === '' || bundle?.principal?.uniqueId === uniqueId ? bundle : undefined;
}

async function namedUser(source: BundleSource, arn: string): Promise<PrincipalBundle | undefined> {
  const user = await userByArn(source, arn);
  return user && userBundle(source, user);
}

async function rootBundle(source: BundleSource, account: string): Promise<PrincipalBundle | undefined> {
  const sequence = await source.sequence();
  const exists = (await source.storeOf(account).account.createdAt()) !== undefined;
  return exists ? { principal: rootPrincipal(account), policies: [], tags: {}, sequence } : undefined;
}

/** The user whose ARN this is, path and case included. */
export async function userByArn(source: BundleSource, arn: string): Promise<User | undefined> {
  const named = parseIamArn(arn);
  if (named?.type !== 'user') return undefined;
  const user = await source.storeOf(named.account).users.byName(named.name);
  return user?.path === named.path ? user : undefined;
}
