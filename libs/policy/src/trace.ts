import type { CompiledPolicy, CompiledStatement } from './compile.js';
import { contextKeys, distinctKeys } from './context-keys.js';
import { byType, coversRequest, evaluate, namedBy } from './evaluate.js';
import type { AuthorizationRequest, DecidingStatement, Decision, PolicyType } from './evaluate.js';
import type { PrincipalMatch } from './principals.js';

/** What one policy, or several of one type together, say of a request by themselves. */
export type PolicyOutcome = Decision['effect'];

/** One condition and why it held or not. */
export interface TracedCondition {
  readonly operator: string;
  readonly key: string;
  /** The values of the policy, variables not replaced. */
  readonly wanted: readonly string[];
  /** What the request has; undefined when it does not have the key. */
  readonly found: string | readonly string[] | undefined;
  readonly matched: boolean;
}

/** One statement, each of its elements by itself. */
export interface TracedStatement {
  /** Its place in the document, from 0; statementPositions tells the lines. */
  readonly index: number;
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
  readonly action: boolean;
  /** "none" when it speaks of others; see PrincipalMatch. "self" in policies without principals. */
  readonly principal: PrincipalMatch;
  readonly resource: boolean;
  readonly conditions: readonly TracedCondition[];
  /** Everything matched: the statement has its effect. */
  readonly applies: boolean;
}

/** One policy that took part. */
export interface TracedPolicy {
  readonly type: PolicyType;
  readonly name: string;
  readonly outcome: PolicyOutcome;
  readonly statements: readonly TracedStatement[];
}

/** A statement that brought about the decision. */
export interface MatchedStatement extends DecidingStatement {
  readonly type: PolicyType;
  readonly effect: 'Allow' | 'Deny';
}

/** A decision with everything that led to it; for administrators, since it shows the policies. */
export interface Trace {
  /** Exactly what evaluate() answers. */
  readonly decision: Decision;
  /** In the order resource policy, boundary, session policies, identity policies. */
  readonly policies: readonly TracedPolicy[];
  /** Every Deny that applies when the decision is an explicit deny, else every Allow that applies. */
  readonly matched: readonly MatchedStatement[];
  /** What the policies of one type say together; absent where there is none of the type. */
  readonly outcomes: Readonly<Partial<Record<PolicyType, PolicyOutcome>>>;
  /**
   * Condition keys without a value that statements ask for whose action, principal and resource match; as the policies
   * spell them.
   */
  readonly missingContextKeys: readonly string[];
}

/** Explains a decision. It asks the same statements in the same way as evaluate(), only all of them and to the end. */
export function trace(request: AuthorizationRequest): Trace {
  const decision = evaluate(request);
  const policies = byType(request).flatMap(([type, list]) => list.map((policy) => tracePolicy(type, policy, request)));
  return {
    decision,
    policies,
    matched: matchedStatements(policies, decision.effect === 'ExplicitDeny' ? 'Deny' : 'Allow'),
    outcomes: outcomes(policies),
    missingContextKeys: missingKeys(request),
  };
}

function tracePolicy(type: PolicyType, policy: CompiledPolicy, request: AuthorizationRequest): TracedPolicy {
  const statements = policy.statements.map((statement) => traceStatement(statement, request));
  return { type, name: policy.name, outcome: outcomeOf(statements), statements };
}

function traceStatement(statement: CompiledStatement, request: AuthorizationRequest): TracedStatement {
  const { index, sid, effect } = statement;
  const { resource, values } = request;
  const action = statement.matchesAction(request.action);
  const principal = namedBy(statement, request);
  return {
    ...{ index, sid, effect, action, principal },
    resource: statement.matchesResource(resource, values),
    conditions: statement.conditions.map((condition) => {
      const { operator, key, wanted } = condition;
      return { operator, key, wanted, found: values(key.toLowerCase()), matched: condition.holds(values) };
    }),
    applies: action && principal !== 'none' && coversRequest(statement, request),
  };
}

function outcomeOf(statements: readonly { effect: 'Allow' | 'Deny'; applies: boolean }[]): PolicyOutcome {
  const some = (effect: string): boolean =>
    statements.some((statement) => statement.applies && statement.effect === effect);
  if (some('Deny')) return 'ExplicitDeny';
  return some('Allow') ? 'Allow' : 'ImplicitDeny';
}

function outcomes(policies: readonly TracedPolicy[]): Trace['outcomes'] {
  const types = [...new Set(policies.map(({ type }) => type))];
  const together = (type: PolicyType): TracedStatement[] =>
    policies.filter((policy) => policy.type === type).flatMap(({ statements }) => statements);
  return Object.fromEntries(types.map((type) => [type, outcomeOf(together(type))]));
}

function matchedStatements(policies: readonly TracedPolicy[], effect: 'Allow' | 'Deny'): MatchedStatement[] {
  return policies.flatMap(({ type, name, statements }) =>
    statements
      .filter((statement) => statement.applies && statement.effect === effect)
      .map(({ index, sid }) => ({ type, policy: name, index, sid, effect })),
  );
}

function missingKeys(request: AuthorizationRequest): string[] {
  const { action, resource, values } = request;
  const isMissing = (key: string): boolean => values(key.toLowerCase()) === undefined;
  const asked = byType(request)
    .flatMap(([, policies]) => policies.flatMap(({ statements }) => statements))
    .filter((statement) => statement.matchesAction(action) && namedBy(statement, request) !== 'none')
    // Which resource it means is open as long as a variable has no value.
    .filter((statement) => statement.matchesResource(resource, values) || statement.resourceKeys.some(isMissing))
    .flatMap(contextKeys);
  return distinctKeys(asked).filter(isMissing);
}
