import type { ContextRecord } from '@keystead/policy';
import {
  groupArn,
  instanceProfileArn,
  oidcProviderArn,
  parseIamArn,
  roleArn,
  rootArn,
  userArn,
} from '../domain/arn.js';
import type { Group, Role, Tag, User } from '../domain/entities.js';
import type { Target, Work } from './operation.js';

/** Condition keys of tags that a request brings. */
export function requestTagValues(tags: readonly Tag[]): ContextRecord {
  const values = Object.fromEntries(tags.map(({ key, value }) => [`aws:RequestTag/${key}`, value]));
  return tags.length === 0 ? {} : { ...values, 'aws:TagKeys': tags.map(({ key }) => key) };
}

/** Condition keys of tags that an entity has. */
export function resourceTagValues(tags: readonly Tag[]): ContextRecord {
  return Object.fromEntries(
    tags.flatMap(({ key, value }) => [
      [`aws:ResourceTag/${key}`, value],
      [`iam:ResourceTag/${key}`, value],
    ]),
  );
}

const named = (type: string, name: string, arn: string) => [
  { type, name },
  { type, name: arn },
];

/** A user by name, where it is, or would be if there were one. */
export async function userTarget(work: Work, name: string, values: ContextRecord = {}): Promise<Target> {
  return knownUserTarget(work.caller.account, name, await work.store.users.byName(name), values);
}

export function knownUserTarget(
  account: string,
  name: string,
  user: User | undefined,
  values: ContextRecord = {},
): Target {
  const arn = userArn(account, user?.path ?? '/', name);
  const all = { ...resourceTagValues(user?.tags ?? []), ...values };
  return { arn, shown: `user ${name}`, values: all, resources: named('AWS::IAM::User', name, arn) };
}

/** A user about to be made or renamed. */
export function newUserTarget(account: string, path: string, name: string, tags: readonly Tag[] = []): Target {
  const arn = userArn(account, path, name);
  return { arn, shown: arn, values: requestTagValues(tags), resources: named('AWS::IAM::User', name, arn) };
}

/** The root user, whom no policy of the account limits. */
export function rootTarget(account: string): Target {
  const arn = rootArn(account);
  return { arn, shown: arn, resources: [{ type: 'AWS::IAM::User', name: arn }] };
}

/** A group by name, where it is, or would be if there were one. */
export async function groupTarget(work: Work, name: string, values: ContextRecord = {}): Promise<Target> {
  const group: Group | undefined = await work.store.groups.byName(name);
  const arn = groupArn(work.caller.account, group?.path ?? '/', name);
  return { arn, shown: `group ${name}`, values, resources: named('AWS::IAM::Group', name, arn) };
}

/** A group about to be made. */
export function newGroupTarget(account: string, path: string, name: string): Target {
  const arn = groupArn(account, path, name);
  return { arn, shown: arn, resources: named('AWS::IAM::Group', name, arn) };
}

/** A role by name, where it is, or would be if there were one. */
export async function roleTarget(work: Work, name: string, values: ContextRecord = {}): Promise<Target> {
  return knownRoleTarget(work.caller.account, name, await work.store.roles.byName(name), values);
}

export function knownRoleTarget(
  account: string,
  name: string,
  role: Pick<Role, 'path' | 'tags'> | undefined,
  values: ContextRecord = {},
): Target {
  const arn = roleArn(account, role?.path ?? '/', name);
  const all = { ...resourceTagValues(role?.tags ?? []), ...values };
  return { arn, shown: `role ${name}`, values: all, resources: named('AWS::IAM::Role', name, arn) };
}

/** An instance profile by name, where it is, or would be if there were one. */
export async function profileTarget(work: Work, name: string, values: ContextRecord = {}): Promise<Target> {
  const profile = await work.store.instanceProfiles.byName(name);
  const arn = instanceProfileArn(work.caller.account, profile?.path ?? '/', name);
  const all = { ...resourceTagValues(profile?.tags ?? []), ...values };
  return {
    arn,
    shown: `instance profile ${name}`,
    values: all,
    resources: named('AWS::IAM::InstanceProfile', name, arn),
  };
}

/** An OIDC provider by the issuer without its scheme. */
export async function providerTarget(work: Work, name: string, values: ContextRecord = {}): Promise<Target> {
  const provider = await work.store.oidcProviders.byName(name);
  const arn = oidcProviderArn(work.caller.account, name);
  const all = { ...resourceTagValues(provider?.tags ?? []), ...values };
  return { arn, shown: arn, values: all, resources: named('AWS::IAM::OIDCProvider', name, arn) };
}

/** A managed policy by ARN. */
export async function policyTarget(work: Work, arn: string, values: ContextRecord = {}): Promise<Target> {
  const policy = await work.store.policies.byArn(arn);
  const all = { ...resourceTagValues(policy?.tags ?? []), ...values };
  const name = parseIamArn(arn)?.name ?? arn;
  return { arn, shown: `policy ${arn}`, values: all, resources: named('AWS::IAM::Policy', name, arn) };
}

/** A list of entities under a path, for example "user" under "/team/". */
export function listTarget(account: string, type: string, pathPrefix: string): Target {
  const arn = `arn:aws:iam::${account}:${type}${pathPrefix}`;
  return { arn, shown: type === 'policy' ? `policy path ${pathPrefix}` : arn };
}

/** The account as a whole. */
export function accountTarget(account: string): Target {
  return { arn: '*', shown: '*', resources: [{ type: 'AWS::IAM::Account', name: rootArn(account) }] };
}
