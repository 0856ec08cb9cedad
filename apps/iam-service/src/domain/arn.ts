import type { EntityKind } from './entities.js';

/** Where AWS's own policies live: `arn:aws:iam::aws:policy/…`. */
export const awsAccount = 'aws';

const arn = (account: string, resource: string) => `arn:aws:iam::${account}:${resource}`;

/** The ARN of the root user of an account. */
export const rootArn = (account: string) => arn(account, 'root');

/** `path` begins and ends with a slash. */
export const userArn = (account: string, path: string, name: string) => arn(account, `user${path}${name}`);

/** `path` begins and ends with a slash. */
export const groupArn = (account: string, path: string, name: string) => arn(account, `group${path}${name}`);

/** `path` begins and ends with a slash. */
export const policyArn = (account: string, path: string, name: string) => arn(account, `policy${path}${name}`);

/** `path` begins and ends with a slash. */
export const roleArn = (account: string, path: string, name: string) => arn(account, `role${path}${name}`);

/** `path` begins and ends with a slash. */
export const instanceProfileArn = (account: string, path: string, name: string) =>
  arn(account, `instance-profile${path}${name}`);

/** `name` is the issuer without its scheme. */
export const oidcProviderArn = (account: string, name: string) => arn(account, `oidc-provider/${name}`);

/** The ARN of a session of a role; it does not tell the role's path. */
export const assumedRoleArn = (account: string, role: string, session: string) =>
  `arn:aws:sts::${account}:assumed-role/${role}/${session}`;

/** The ARN of a user, group or role. */
export function entityArn(kind: EntityKind, entity: { account: string; path: string; name: string }): string {
  return arn(entity.account, `${kind}${entity.path}${entity.name}`);
}

/** What an IAM ARN names. */
export interface NamedByArn {
  readonly account: string;
  readonly type: 'user' | 'group' | 'role' | 'policy' | 'root';
  readonly path: string;
  readonly name: string;
}

/** Takes an IAM ARN apart; undefined for anything else. */
export function parseIamArn(text: string): NamedByArn | undefined {
  const parts = /^arn:aws:iam::(\d{12}|aws):(?:(root)|(user|group|role|policy)(\/(?:[!-~]+\/)?)([\w+=,.@-]+))$/.exec(
    text,
  );
  if (!parts) return undefined;
  const [, account, root, type, path, name] = parts;
  if (account === undefined) return undefined;
  if (root) return { account, type: 'root', path: '/', name: 'root' };
  return { account, type: type as NamedByArn['type'], path: path ?? '/', name: name ?? '' };
}

/** A role session as an ARN names it; undefined for anything else. */
export function parseAssumedRoleArn(text: string): { account: string; role: string; session: string } | undefined {
  const parts = /^arn:aws:sts::(\d{12}):assumed-role\/([\w+=,.@-]{1,64})\/([\w+=,.@-]{2,64})$/.exec(text);
  const [, account, role, session] = parts ?? [];
  return account && role && session ? { account, role, session } : undefined;
}
