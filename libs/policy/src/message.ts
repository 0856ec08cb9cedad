import type { Decision, PolicyType } from './evaluate.js';

const names: Record<PolicyType, string> = {
  identity: 'identity-based policy',
  resource: 'resource-based policy',
  boundary: 'permissions boundary',
  session: 'session policy',
};

const article = (type: PolicyType): string => (type === 'identity' ? 'an' : 'a');

/**
 * AWS's sentence for a refused request: who, what, on which resource, and the kind of policy that
 * decided; never the policy itself.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
export function accessDeniedMessage(refused: {
  principalArn: string;
  action: string;
  resource: string;
  decision: Decision;
}): string {
  const { principalArn, action, resource, decision } = refused;
  const name = names[decision.policyType];
  const why =
    decision.effect === 'ExplicitDeny'
      ? `with an explicit deny in ${article(decision.policyType)} ${name}`
      : `because no ${name} allows the ${action} action`;
  return `User: ${principalArn} is not authorized to perform: ${action} on resource: ${resource} ${why}`;
}
