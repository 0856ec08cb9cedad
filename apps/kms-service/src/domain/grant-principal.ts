import { KeysteadError } from '@keystead/errors';
import type { PolicyPrincipal, PrincipalMatch } from '@keystead/policy';

/** What a grant may name: an account, a user, a role, or a session of a role. */
const nameable =
  /^arn:aws:(?:iam::\d{12}:(?:root|(?:user|role)\/[\w+=,.@/-]+)|sts::\d{12}:assumed-role\/[\w+=,.@-]+\/[\w+=,.@-]+)$/;

/**
 * The unique id of a principal that a grant names, from what iam-service knows of it; that of a session is its role's
 * with the session's name. Errors: InvalidArn.
 */
export function boundPrincipal(arn: string, found: ReadonlyMap<string, string>): string {
  const uniqueId = nameable.test(arn) ? found.get(arn) : undefined;
  if (uniqueId === undefined) throw new KeysteadError('InvalidArn', `ARN does not refer to a valid principal: ${arn}`);
  const session = /^arn:aws:sts:.*\/([^/]+)$/.exec(arn)?.[1];
  return session === undefined || uniqueId.includes(':') ? uniqueId : `${uniqueId}:${session}`;
}

/** How a grant names a caller: itself, the role of its session, or its account. */
export type NamedAs = Exclude<PrincipalMatch, 'none'>;

/** The ids by which grants may name a caller, and how each names it; the closest first. */
export function namesOf(caller: PolicyPrincipal): ReadonlyMap<string, NamedAs> {
  const names = new Map<string, NamedAs>();
  if (caller.uniqueId !== undefined) {
    names.set(caller.uniqueId, 'self');
    const [role = ''] = caller.uniqueId.split(':', 1);
    if (role !== caller.uniqueId) names.set(role, 'role');
  }
  if (!names.has(caller.account)) names.set(caller.account, caller.isRoot === true ? 'self' : 'account');
  return names;
}
