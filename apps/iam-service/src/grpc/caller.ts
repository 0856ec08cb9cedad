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
  const isRoot = principal.type === PrincipalType.PRINCIPAL_TYPE_ROOT;
  if (!isRoot && principal.type !== PrincipalType.PRINCIPAL_TYPE_IAM_USER) {
    throw new KeysteadError('AccessDenied', 'IAM is called by users and by the root user of an account.');
  }
  return { context, principal, account: principal.account, isRoot };
}

/** The user meant when an operation names none: the caller. */
export function ownName(caller: Caller): string {
  if (caller.isRoot) {
    throw new KeysteadError('Validation', 'Must specify userName when calling with non-User credentials');
  }
  return caller.principal.userName;
}
