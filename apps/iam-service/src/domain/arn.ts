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

/** The ARN of a user or group. */
export function entityArn(kind: EntityKind, entity: { account: string; path: string; name: string }): string {
  return kind === 'user'
    ? userArn(entity.account, entity.path, entity.name)
    : groupArn(entity.account, entity.path, entity.name);
}

/** What an IAM ARN names. */
export interface NamedByArn {
  readonly account: string;
  readonly type: 'user' | 'group' | 'policy' | 'root';
  readonly path: string;
  readonly name: string;
}

/** Takes an IAM ARN apart; undefined for anything else. */
export function parseIamArn(text: string): NamedByArn | undefined {
  const parts = /^arn:aws:iam::(\d{12}|aws):(?:(root)|(user|group|policy)(\/(?:[!-~]+\/)?)([\w+=,.@-]+))$/.exec(text);
  if (!parts) return undefined;
  const [, account, root, type, path, name] = parts;
  if (account === undefined) return undefined;
  if (root) return { account, type: 'root', path: '/', name: 'root' };
  return { account, type: type as NamedByArn['type'], path: path ?? '/', name: name ?? '' };
}
