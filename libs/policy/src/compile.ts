import { compileConditions, type CompiledCondition, type ConditionReading } from './conditions.js';
import type { ContextLookup } from './context.js';
import { parseDocument, type PolicyKind, type RawDocument, type RawStatement } from './document.js';
import { PolicyError } from './error.js';
import { anyPattern, compilePattern, type Reading } from './pattern.js';
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
  /** What Resource or NotResource lists, as written. */
  readonly resources: readonly string[];
  /** The keys of the policy variables in Resource or NotResource, as written. */
  readonly resourceKeys: readonly string[];
}

/** Whether all conditions of a statement hold. */
export function conditionsHold({ cheapestFirst }: CompiledStatement, values: ContextLookup): boolean {
  for (const condition of cheapestFirst) if (!condition.holds(values)) return false;
  return true;
}

/** A policy ready to be evaluated; compile once for each version. */
export interface CompiledPolicy {
  readonly name: string;
  readonly kind: PolicyKind;
  readonly version: RawDocument['version'];
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
  const conditions = document.statements.length > 1 ? new Map<string, CompiledCondition[]>() : undefined;
  const reading: ConditionReading = { variables, shared: new Map(), conditions };
  const principals: string[] = [];
  const services: string[] = [];
  const place = { reading, rules: { trust: kind === 'trust', bound }, named: principals, services };
  const statements = document.statements.map((raw, index) => new Statement(raw, index, place));
  const remembered = new Map<string, ByEffect>();
  return {
    name,
    kind,
    version: document.version,
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

/** What the statements of one document have in common. */
interface StatementPlace {
  readonly reading: ConditionReading;
  readonly rules: PrincipalRules;
  /** Gathers the principals of all statements. */
  readonly named: string[];
  readonly services: string[];
}

/**
 * Everything is checked when the policy is written, and taken apart when somebody asks: of the thousands of patterns that
 * a large policy may have most never are.
 */
class Statement implements CompiledStatement {
  readonly index: number;
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
  readonly exempts: boolean;
  readonly conditions: readonly CompiledCondition[];
  readonly #raw: RawStatement;
  readonly #reading: Reading;
  readonly #isTrust: boolean;
  readonly #principal: CompiledStatement['principal'];
  #matchesAction: CompiledStatement['matchesAction'] | undefined;
  #matchesResource: CompiledStatement['matchesResource'] | undefined;
  #cheapestFirst: readonly CompiledCondition[] | undefined;

  constructor(raw: RawStatement, index: number, { reading, rules, named, services }: StatementPlace) {
    const { principal, notPrincipal } = raw;
    const principals = principal === undefined ? undefined : compilePrincipals(principal, rules);
    const notPrincipals = notPrincipal === undefined ? undefined : compilePrincipals(notPrincipal, rules);
    for (const name of (principals ?? notPrincipals)?.named ?? []) named.push(name);
    for (const name of (principals ?? notPrincipals)?.services ?? []) services.push(name);
    this.index = index;
    this.sid = raw.sid;
    this.effect = raw.effect;
    this.exempts = notPrincipals !== undefined;
    this.#principal = principalMatch(principals, notPrincipals);
    this.conditions = compileConditions(raw.condition, reading);
    for (const pattern of raw.actions ?? raw.notActions ?? []) checkAction(pattern);
    this.#isTrust = rules.trust;
    this.#raw = raw;
    if (!rules.trust) for (const pattern of this.resources) checkResource(pattern);
    this.#reading = reading;
  }

  get cheapestFirst(): readonly CompiledCondition[] {
    const { conditions } = this;
    return (this.#cheapestFirst ??=
      conditions.length > 1 ? conditions.toSorted((a, b) => a.cost - b.cost) : conditions);
  }

  get resources(): readonly string[] {
    return this.#raw.resources ?? this.#raw.notResources ?? [];
  }

  get resourceKeys(): readonly string[] {
    return this.#reading.variables ? this.resources.flatMap(variableKeys) : [];
  }

  principal(caller: PolicyPrincipal): PrincipalMatch {
    return this.#principal(caller);
  }

  matchesAction(action: string): boolean {
    return (this.#matchesAction ??= actionMatch(this.#raw))(action);
  }

  matchesResource(resource: string, values: ContextLookup): boolean {
    return (this.#matchesResource ??= resourceMatch(this.#raw, this.#reading, this.#isTrust))(resource, values);
  }
}

const self = (): PrincipalMatch => 'self';

function principalMatch(
  principals: PrincipalMatcher | undefined,
  notPrincipals: PrincipalMatcher | undefined,
): CompiledStatement['principal'] {
  if (principals !== undefined) return (caller) => principals.match(caller);
  if (notPrincipals !== undefined) return (caller) => (isExempt(caller, notPrincipals) ? 'none' : 'self');
  return self;
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
  const isOne = anyPattern(written, (pattern) => compilePattern(pattern.toLowerCase(), actionPattern));
  const any = (action: string): boolean => isOne(action.toLowerCase(), nothing);
  return raw.actions !== undefined ? any : (action) => !any(action);
}

const actionPattern = { wildcards: true, variables: false };
const nothing: ContextLookup = () => undefined;

function checkAction(pattern: string): void {
  if (pattern === '*') return;
  const colon = pattern.indexOf(':');
  if (colon < 0) throw new PolicyError('Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.');
  if (pattern.includes(':', colon + 1)) throw new PolicyError('Actions/Condition can contain only one colon.');
  if ((colon === 0 || behindVendor(pattern, 0) !== colon) && !pattern.startsWith('*:'))
    throw new PolicyError(`Vendor ${pattern.slice(0, Math.min(colon, 128))} is not valid`);
}

/** Where letters, digits, points and dashes end. */
function behindVendor(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const letter = code | 0x20;
    const isPlain = (letter >= 97 && letter <= 122) || (code >= 48 && code <= 57) || code === 0x2d || code === 0x2e;
    if (!isPlain) return i;
  }
  return text.length;
}

/** In a trust policy the role itself is the resource; in a resource policy a missing Resource has no effect. */
function resourceMatch(raw: RawStatement, reading: Reading, isTrust: boolean): CompiledStatement['matchesResource'] {
  if (isTrust) return () => true;
  const written = raw.resources ?? raw.notResources;
  if (written === undefined) return () => false;
  const options = { variables: reading.variables, shared: reading.shared, wildcards: true, arn: true };
  const any = anyPattern(written, (pattern) => compilePattern(pattern, options));
  return raw.resources !== undefined ? any : (resource, values) => !any(resource, values);
}

const partitionForm = /^aws[a-z-]*$|^\*$/;

function checkResource(pattern: string): void {
  if (pattern === '*' || isPlainArn(pattern)) return;
  const [prefix, partition = '', vendor = '', ...rest] = pattern.split(':');
  if (partition === '' && vendor === '')
    throw new PolicyError(`Resource ${pattern.slice(0, 128)} must be in ARN format or "*".`);
  if (!partitionForm.test(partition)) {
    const [region = '*', account = '*', ...resource] = rest;
    const shown = ['arn', partition, vendor || '*', region, account, resource.join(':') || '*'].join(':');
    throw new PolicyError(`Partition "${partition.slice(0, 64)}" is not valid for resource "${shown.slice(0, 128)}".`);
  }
  if (prefix !== 'arn') throw new PolicyError(`Resource ${pattern.slice(0, 128)} must be in ARN format or "*".`);
  if (vendor === '' || /[*?]/.test(vendor))
    throw new PolicyError('Resource vendor must be fully qualified and cannot contain regexes.');
}

/** What nearly all resources are: they need not be taken apart. */
function isPlainArn(pattern: string): boolean {
  const vendor = 'arn:aws:'.length;
  if (!pattern.startsWith('arn:aws:')) return false;
  const end = behindVendor(pattern, vendor);
  return end > vendor && (end === pattern.length || pattern.charAt(end) === ':');
}
