import { compileConditions, type CompiledCondition, type ConditionReading } from './conditions.js';
import type { ContextLookup } from './context.js';
import { parseDocument, type PolicyKind, type RawStatement } from './document.js';
import { PolicyError } from './error.js';
import { compilePattern, type Matcher, type Reading } from './pattern.js';
import {
  compilePrincipals,
  type PolicyPrincipal,
  type PrincipalMatch,
  type PrincipalMatcher,
  type PrincipalRules,
} from './principals.js';
import { variableKeys } from './variable.js';

/** Whom a compiled statement speaks about, and what it says of one request. */
export interface CompiledStatement {
  /** Its place in the document, from 0. */
  readonly index: number;
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
  /** It has NotPrincipal, which exempts nobody who has a permissions boundary. */
  readonly exempts: boolean;
  /** How it names the caller; "self" in policies without principals. */
  principal(caller: PolicyPrincipal): PrincipalMatch;
  matchesAction(action: string): boolean;
  matchesResource(resource: string, values: ContextLookup): boolean;
  readonly conditions: readonly CompiledCondition[];
  /** The same conditions, those that cost least first: any that does not hold spares the others. */
  readonly cheapestFirst: readonly CompiledCondition[];
  /** The keys of the policy variables in Resource or NotResource, as written. */
  readonly resourceKeys: readonly string[];
}

/** Whether all conditions of a statement hold. */
export function conditionsHold({ cheapestFirst }: CompiledStatement, values: ContextLookup): boolean {
  for (const { holds } of cheapestFirst) if (!holds(values)) return false;
  return true;
}

/** A policy ready to be evaluated; compile once for each version. */
export interface CompiledPolicy {
  readonly name: string;
  readonly kind: PolicyKind;
  /** The AWS principals that it names, without "*". */
  readonly principals: readonly string[];
  /** The service principals that it names. */
  readonly services: readonly string[];
  /** All statements, in the order of the document. */
  readonly statements: readonly CompiledStatement[];
  /** The statements of that effect that speak about an action; remembered, since actions are few. */
  statementsFor(action: string, effect: CompiledStatement['effect']): readonly CompiledStatement[];
}

type ByEffect = Readonly<Record<CompiledStatement['effect'], readonly CompiledStatement[]>>;

const maximumRememberedActions = 512;

/** What a document is, beside its text. */
export interface PolicyPlace {
  readonly kind: PolicyKind;
  readonly name: string;
  /** Unique ids of principals that the document names by ARN: it is evaluated with the ids in their place. */
  readonly bound?: Readonly<Record<string, string>> | undefined;
}

/**
 * Compiles a policy document. Throws PolicyError where AWS refuses the document, and where it holds
 * something this engine cannot evaluate.
 */
export function compilePolicy(json: string, { kind, name, bound = {} }: PolicyPlace): CompiledPolicy {
  const document = parseDocument(json, kind);
  const variables = document.version === '2012-10-17';
  const reading: ConditionReading = { variables, shared: new Map(), conditions: new Map() };
  const principals: string[] = [];
  const services: string[] = [];
  const statements = document.statements.map((raw, index) =>
    compileStatement(raw, { index, reading, kind, bound, named: principals, services }),
  );
  const remembered = new Map<string, ByEffect>();
  return {
    name,
    kind,
    principals,
    services,
    statements,
    statementsFor(action, effect) {
      const known = remembered.get(action);
      if (known !== undefined) return known[effect];
      const about = statements.filter((statement) => statement.matchesAction(action));
      const of = (wanted: string) => about.filter((statement) => statement.effect === wanted);
      const found = { Allow: of('Allow'), Deny: of('Deny') };
      if (remembered.size < maximumRememberedActions) remembered.set(action, found);
      return found[effect];
    },
  };
}

interface StatementPlace {
  readonly index: number;
  readonly reading: ConditionReading;
  readonly kind: PolicyKind;
  readonly bound: PrincipalRules['bound'];
  /** Gathers the principals of all statements. */
  readonly named: string[];
  readonly services: string[];
}

function compileStatement(
  raw: RawStatement,
  { index, reading, kind, bound, named, services }: StatementPlace,
): CompiledStatement {
  const rules = { trust: kind === 'trust', bound };
  const principals = raw.principal === undefined ? undefined : compilePrincipals(raw.principal, rules);
  const notPrincipals = raw.notPrincipal === undefined ? undefined : compilePrincipals(raw.notPrincipal, rules);
  named.push(...((principals ?? notPrincipals)?.named ?? []));
  services.push(...((principals ?? notPrincipals)?.services ?? []));
  const conditions = compileConditions(raw.condition, reading);
  return {
    index,
    sid: raw.sid,
    effect: raw.effect,
    exempts: notPrincipals !== undefined,
    principal: principalMatch(principals, notPrincipals),
    matchesAction: actionMatch(raw),
    matchesResource: resourceMatch(raw, reading, kind),
    conditions,
    cheapestFirst: conditions.length > 1 ? conditions.toSorted((a, b) => a.cost - b.cost) : conditions,
    resourceKeys: reading.variables ? (raw.resources ?? raw.notResources ?? []).flatMap(variableKeys) : [],
  };
}

function principalMatch(
  principals: PrincipalMatcher | undefined,
  notPrincipals: PrincipalMatcher | undefined,
): CompiledStatement['principal'] {
  if (principals !== undefined) return (caller) => principals.match(caller);
  if (notPrincipals !== undefined) return (caller) => (isExempt(caller, notPrincipals) ? 'none' : 'self');
  return () => 'self';
}

/**
 * Whether a NotPrincipal element lists the caller and everything that is validated before it: its account, then the role
 * of a session. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
 */
function isExempt(caller: PolicyPrincipal, listed: PrincipalMatcher): boolean {
  const { arn, account, uniqueId, roleArn, isService } = caller;
  if (isService === true) return listed.match(caller) === 'self';
  const root = { arn: `arn:aws:iam::${account}:root`, account, isRoot: true };
  const [id] = uniqueId?.split(':', 1) ?? [];
  const itself = {
    arn: roleArn ?? arn,
    account,
    isRoot: caller.isRoot === true,
    ...(id === undefined ? {} : { uniqueId: id }),
  };
  return listed.match(root) === 'self' && listed.match(itself) === 'self';
}

/** A statement without Action or NotAction is accepted in a resource policy and has no effect. */
function actionMatch(raw: RawStatement): (action: string) => boolean {
  const written = raw.actions ?? raw.notActions;
  if (written === undefined) return () => false;
  const matchers = written.map(compileAction);
  const nothing: ContextLookup = () => undefined;
  const any = (action: string): boolean => matchers.some((matches) => matches(action, nothing));
  return raw.actions !== undefined ? any : (action) => !any(action);
}

function compileAction(pattern: string): Matcher {
  const [vendor = '', name, ...more] = pattern.split(':');
  if (pattern !== '*') {
    if (name === undefined)
      throw new PolicyError('Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.');
    if (more.length > 0) throw new PolicyError('Actions/Condition can contain only one colon.');
    if (vendor !== '*' && !/^[a-zA-Z0-9.-]+$/.test(vendor))
      throw new PolicyError(`Vendor ${vendor.slice(0, 128)} is not valid`);
  }
  return compilePattern(pattern, { wildcards: true, variables: false, ignoreCase: true });
}

/** In a trust policy the role itself is the resource; in a resource policy a missing Resource has no effect. */
function resourceMatch(raw: RawStatement, reading: Reading, kind: PolicyKind): CompiledStatement['matchesResource'] {
  if (kind === 'trust') return () => true;
  const written = raw.resources ?? raw.notResources;
  if (written === undefined) return () => false;
  const matchers = written.map((pattern) => compileResource(pattern, reading));
  const wanted = raw.resources !== undefined;
  return (resource, values) => {
    for (const matches of matchers) if (matches(resource, values)) return wanted;
    return !wanted;
  };
}

function compileResource(pattern: string, reading: Reading): Matcher {
  if (pattern !== '*') requireArn(pattern);
  return compilePattern(pattern, { variables: reading.variables, shared: reading.shared, wildcards: true, arn: true });
}

function requireArn(pattern: string): void {
  const [prefix, partition = '', vendor = '', ...rest] = pattern.split(':');
  if (partition === '' && vendor === '')
    throw new PolicyError(`Resource ${pattern.slice(0, 128)} must be in ARN format or "*".`);
  if (!/^aws[a-z-]*$|^\*$/.test(partition)) {
    const [region = '*', account = '*', ...resource] = rest;
    const shown = ['arn', partition, vendor || '*', region, account, resource.join(':') || '*'].join(':');
    throw new PolicyError(`Partition "${partition.slice(0, 64)}" is not valid for resource "${shown.slice(0, 128)}".`);
  }
  if (prefix !== 'arn') throw new PolicyError(`Resource ${pattern.slice(0, 128)} must be in ARN format or "*".`);
  if (vendor === '' || /[*?]/.test(vendor))
    throw new PolicyError('Resource vendor must be fully qualified and cannot contain regexes.');
}
