import { bindPrincipals, readPolicy, requireNoLockout } from '../../domain/key-policy.js';
import type { KeyFacts } from '../../domain/conditions.js';
import type { KmsCall } from '../kms-call.js';

/** For which key a policy is. */
export interface PolicyPlace {
  readonly arn: string;
  readonly about: KeyFacts;
  /** True to skip the lockout check. */
  readonly bypass: boolean;
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
  const { account } = place.about.key;
  const own = new Set([account, `arn:aws:iam::${account}:root`]);
  const unsure = compiled.principals.filter((name) => !own.has(name));
  const found = await call.environment.principals.existing(unsure);
  const principals = bindPrincipals(unsure, found);
  if (!place.bypass) requireNoLockout(compiled, await call.author(place.arn, place.about));
  return { policy, principals };
}
