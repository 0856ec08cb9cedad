import type { Decision, PolicyType } from './evaluate.js';

const names: Record<PolicyType, string> = {
  identity: 'identity-based policy',
  resource: 'resource-based policy',
  boundary: 'permissions boundary',
  session: 'session policy',
};

const article = (type: PolicyType): string => (type === 'identity' ? 'an' : 'a');

/** A managed policy that denies is named, also when a group brings it ("group/arn"); a policy without an ARN never is. */
const managedPolicy = /arn:aws:iam::(?:\d{12}|aws):policy\/\S+$/;

/**
 * AWS's sentence for a refused request: who, what, on which resource, the kind of policy that decided, and the ARN of a
 * managed policy that denies; never what a policy says.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
export function accessDeniedMessage(refused: {
  principalArn: string;
  action: string;
  /** As the service shows it; absent where it names none. */
  resource?: string;
  decision: Decision;
}): string {
  const { principalArn, action, resource, decision } = refused;
  const name = names[decision.policyType];
  const why =
    decision.effect === 'ExplicitDeny'
      ? `with an explicit deny in ${article(decision.policyType)} ${name}${denying(decision)}`
      : `because no ${name} allows the ${action} action`;
  const where = resource === undefined ? '' : ` on resource: ${resource}`;
  return `User: ${principalArn} is not authorized to perform: ${action}${where} ${why}`;
}

function denying({ policyType, statement }: Decision): string {
  const arn = policyType === 'resource' ? undefined : managedPolicy.exec(statement?.policy ?? '')?.[0];
  return arn === undefined ? '' : `: ${arn}`;
}
