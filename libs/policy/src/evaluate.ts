import { conditionsHold, type CompiledPolicy, type CompiledStatement } from './compile.js';
import type { ContextLookup } from './context.js';
import type { PolicyPrincipal, PrincipalMatch } from './principals.js';

/** The kinds of policy that take part in a decision, as AWS names them in its messages. */
export type PolicyType = 'identity' | 'resource' | 'boundary' | 'session';

/** Everything one decision depends on. */
export interface AuthorizationRequest {
  /** For example "kms:Encrypt". */
  readonly action: string;
  /** The resource's ARN, or "*" where an action has none. */
  readonly resource: string;
  /** The account that owns the resource. */
  readonly resourceAccount: string;
  readonly principal: PolicyPrincipal;
  readonly values: ContextLookup;
  /** The caller's identity policies, its groups' among them. */
  readonly identity: readonly CompiledPolicy[];
  readonly resourcePolicy?: CompiledPolicy | undefined;
  readonly boundary?: CompiledPolicy | undefined;
  /** Inline and managed session policies: together they limit a session, and what any one of them allows is within the limit. */
  readonly session?: readonly CompiledPolicy[] | undefined;
  /**
   * True for KMS keys and role trust: identity policies count only when the resource policy delegates to
   * the caller's account, and even the root user needs the resource policy.
   */
  readonly resourcePolicyDecides: boolean;
}

/** The statement that decided. */
export interface DecidingStatement {
  readonly policy: string;
  readonly index: number;
  readonly sid: string | undefined;
}

/** The outcome; for an implicit deny `policyType` is the kind of policy in which an Allow was missing. */
export interface Decision {
  readonly effect: 'Allow' | 'ExplicitDeny' | 'ImplicitDeny';
  readonly policyType: PolicyType;
  readonly statement?: DecidingStatement;
}

interface Found {
  readonly policy: CompiledPolicy;
  readonly statement: CompiledStatement;
  readonly match: PrincipalMatch;
}

const strength: Record<PrincipalMatch, number> = { none: 0, account: 1, role: 2, self: 3 };

/**
 * AWS's evaluation order: an explicit Deny anywhere ends it; then resource policy, permissions
 * boundary, session policy and identity policies are combined.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
export function evaluate(request: AuthorizationRequest): Decision {
  return explicitDeny(request) ?? combineAllows(request);
}

function explicitDeny(request: AuthorizationRequest): Decision | undefined {
  const { resourcePolicy, boundary, session = [], identity } = request;
  return (
    (resourcePolicy && deniedBy(resourcePolicy, 'resource', request)) ??
    (boundary && deniedBy(boundary, 'boundary', request)) ??
    deniedByAny(session, 'session', request) ??
    deniedByAny(identity, 'identity', request)
  );
}

function deniedByAny(
  policies: readonly CompiledPolicy[],
  type: PolicyType,
  request: AuthorizationRequest,
): Decision | undefined {
  for (const policy of policies) {
    const denied = deniedBy(policy, type, request);
    if (denied !== undefined) return denied;
  }
  return undefined;
}

function deniedBy(policy: CompiledPolicy, type: PolicyType, request: AuthorizationRequest): Decision | undefined {
  const found = find(policy, 'Deny', request);
  return found && decision('ExplicitDeny', type, found);
}

/** The policies that take part, in the order in which an explicit Deny is looked for. */
export function byType(request: AuthorizationRequest): [PolicyType, readonly CompiledPolicy[]][] {
  const some = (policy: CompiledPolicy | undefined): readonly CompiledPolicy[] =>
    policy === undefined ? [] : [policy];
  return [
    ['resource', some(request.resourcePolicy)],
    ['boundary', some(request.boundary)],
    ['session', request.session ?? []],
    ['identity', request.identity],
  ];
}

function combineAllows(request: AuthorizationRequest): Decision {
  const sameAccount = request.principal.account === request.resourceAccount;
  const byResource = request.resourcePolicy && find(request.resourcePolicy, 'Allow', request);
  if (byResource?.match === 'self' && (sameAccount || request.principal.isService === true)) {
    return decision('Allow', 'resource', byResource);
  }
  if (byResource === undefined && (request.resourcePolicyDecides || !sameAccount)) return implicitDeny('resource');
  const limit = exceededLimit(request);
  if (limit !== undefined) return implicitDeny(limit);
  if (byResource?.match === 'role' && sameAccount) return decision('Allow', 'resource', byResource);
  return byIdentity(request);
}

/** The boundary, or the session policies together, where they do not allow what is asked. */
function exceededLimit(request: AuthorizationRequest): 'boundary' | 'session' | undefined {
  const { boundary, session = [] } = request;
  const allows = (policy: CompiledPolicy): boolean => find(policy, 'Allow', request) !== undefined;
  if (boundary !== undefined && !allows(boundary)) return 'boundary';
  return session.length > 0 && !session.some(allows) ? 'session' : undefined;
}

function byIdentity(request: AuthorizationRequest): Decision {
  if (request.principal.isRoot === true) return { effect: 'Allow', policyType: 'identity' };
  for (const policy of request.identity) {
    const found = find(policy, 'Allow', request);
    if (found !== undefined) return decision('Allow', 'identity', found);
  }
  return implicitDeny('identity');
}

/** The statement of that effect that applies and names the caller most closely. */
function find(policy: CompiledPolicy, effect: 'Allow' | 'Deny', request: AuthorizationRequest): Found | undefined {
  let best: Found | undefined;
  for (const statement of policy.statementsFor(request.action, effect)) {
    const match = namedBy(statement, request);
    if (match === 'none' || (best !== undefined && strength[match] <= strength[best.match])) continue;
    if (!coversRequest(statement, request)) continue;
    if (match === 'self' || effect === 'Deny') return { policy, statement, match };
    best = { policy, statement, match };
  }
  return best;
}

/** How a statement names the caller. */
export function namedBy(statement: CompiledStatement, { principal, boundary }: AuthorizationRequest): PrincipalMatch {
  return statement.exempts && boundary !== undefined ? 'self' : statement.principal(principal);
}

/** Whether a statement about this action and caller is about this resource, and its conditions hold. */
export function coversRequest(statement: CompiledStatement, { resource, values }: AuthorizationRequest): boolean {
  return statement.matchesResource(resource, values) && conditionsHold(statement, values);
}

function decision(effect: Decision['effect'], policyType: PolicyType, { policy, statement }: Found): Decision {
  return { effect, policyType, statement: { policy: policy.name, index: statement.index, sid: statement.sid } };
}

function implicitDeny(policyType: PolicyType): Decision {
  return { effect: 'ImplicitDeny', policyType };
}
