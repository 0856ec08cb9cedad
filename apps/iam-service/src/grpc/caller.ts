import { KeysteadError } from '@keystead/errors';
import { PrincipalType, type CallContext, type Principal } from '@keystead/proto/common';

/** Who asks for an IAM operation. */
export interface Caller {
  readonly context: CallContext;
  readonly principal: Principal;
  readonly account: string;
  readonly isRoot: boolean;
}

/** The caller of a call that edge asserted; throws when the assertion is not one that edge may make. */
export function callerOf(context: CallContext | undefined): Caller {
  const principal = context?.principal;
  if (!context || !principal || !/^\d{12}$/.test(principal.account) || context.viaService !== '') {
    throw new KeysteadError('AccessDenied', 'The call does not say who makes it.');
  }
  const { type } = principal;
  const isRoot = type === PrincipalType.PRINCIPAL_TYPE_ROOT;
  const isSession = type === PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE && context.session !== undefined;
  if (!isRoot && !isSession && type !== PrincipalType.PRINCIPAL_TYPE_IAM_USER) {
    throw new KeysteadError('AccessDenied', 'IAM is called by users, roles and the root user of an account.');
  }
  return { context, principal, account: principal.account, isRoot };
}

/** The user meant when an operation names none: the caller. */
export function ownName(caller: Caller): string {
  if (caller.isRoot || caller.principal.type === PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE) {
    throw new KeysteadError('Validation', 'Must specify userName when calling with non-User credentials');
  }
  return caller.principal.userName;
}

const ofUserSessions: ReadonlySet<string> = new Set(['sts:AssumeRole', 'sts:GetCallerIdentity']);

/**
 * Sessions of users and root reach other services, and of these two only what follows: without a second factor they call
 * nothing of IAM. Throws UnrecognizedClient, AccessDenied, ExpiredToken.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
 */
export function checkSession({ context, principal }: Caller, action: string, now: Date): void {
  const { session } = context;
  if (!session) return;
  if (Number(session.expiresAtMs) <= now.getTime()) {
    throw new KeysteadError('ExpiredToken', 'The security token included in the request is expired');
  }
  if (principal.type === PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE || ofUserSessions.has(action)) return;
  if (action.startsWith('iam:')) {
    throw new KeysteadError('UnrecognizedClient', 'The security token included in the request is invalid');
  }
  throw new KeysteadError('AccessDenied', `Cannot call ${action.slice(4)} with session credentials`);
}
