import { KeysteadError } from '@keystead/errors';
import {
  accessDeniedMessage,
  contextValues,
  evaluate,
  globalValues,
  policyPrincipal,
  type PrincipalPolicies,
} from '@keystead/policy';
import type { CallContext } from '@keystead/proto/common';

const action = 'cloudtrail:LookupEvents';

/** Throws AccessDenied unless the caller's identity policies allow it to look events up; the action has no resource. */
export function authorizeLookup(
  context: CallContext,
  policies: PrincipalPolicies | undefined,
  { now, region }: { now: Date; region: string },
): void {
  const principal = policyPrincipal(context);
  const { identity = [], boundary, session, tags = {} } = policies ?? {};
  const values = contextValues(
    { 'aws:ResourceAccount': principal.account },
    globalValues({ context, tags, now, region }),
  );
  const limits = { boundary, session };
  const request = { action, resource: '*', resourceAccount: principal.account, principal, values, identity, ...limits };
  const decision = evaluate({ ...request, resourcePolicyDecides: false });
  if (policies && decision.effect === 'Allow') return;
  const message = accessDeniedMessage({ principalArn: principal.arn, action, resource: '*', decision });
  throw new KeysteadError('AccessDenied', message);
}
