import type { ContextLookup, PolicyPrincipal } from '@keystead/policy';
import { bindPrincipals, readPolicy, requireNoLockout } from '../../domain/key-policy.js';
import type { KmsCall } from '../kms-call.js';

/** For which key a policy is, and who writes it. */
export interface PolicyPlace {
  readonly arn: string;
  readonly account: string;
  readonly author: PolicyPrincipal;
  /** True to skip the lockout check. */
  readonly bypass: boolean;
  readonly readings: readonly ContextLookup[];
}

/**
 * Checks a policy before it is stored: the engine can evaluate all of it, its principals exist, its author can still
 * change it. Errors: LimitExceeded, MalformedPolicyDocument, Unavailable.
 */
export async function acceptedPolicy(
  policy: string,
  call: KmsCall,
  place: PolicyPlace,
): Promise<{ policy: string; principals: Record<string, string> }> {
  const compiled = readPolicy(policy);
  // The account of the caller is there, since the caller is.
  const own = new Set([place.account, `arn:aws:iam::${place.account}:root`]);
  const unsure = compiled.principals.filter((name) => !own.has(name));
  const found = await call.environment.principals.existing(unsure);
  const principals = bindPrincipals(unsure, found);
  if (!place.bypass) requireNoLockout(compiled, place.author, place);
  return { policy, principals };
}
