// A second evaluator, written from AWS's guide alone and without a thought for speed: what the engine is compared with.
// It takes documents as they are written and shares no code with the engine.
import { naiveHolds, type NaiveContext } from './conditions.js';
import { literal, naiveResource, naiveWildcards } from './wildcards.js';

export type NaivePrincipal =
  | { readonly kind: 'root'; readonly account: string }
  | { readonly kind: 'user'; readonly account: string; readonly arn: string; readonly id: string }
  | {
      readonly kind: 'session';
      readonly account: string;
      readonly arn: string;
      readonly roleArn: string;
      readonly roleId: string;
      readonly sessionName: string;
    }
  | { readonly kind: 'service'; readonly account: string; readonly name: string };

export interface NaiveRequest {
  readonly principal: NaivePrincipal;
  readonly action: string;
  readonly resource: string;
  readonly resourceAccount: string;
  readonly context: NaiveContext;
  readonly identity: readonly NaiveDocument[];
  readonly boundary?: NaiveDocument | undefined;
  readonly session?: readonly NaiveDocument[] | undefined;
  readonly resourcePolicy?: NaiveDocument | undefined;
  /** KMS keys: identity policies count only where the key policy gives them room. */
  readonly keyPolicyDecides: boolean;
}

type OneOrMore = string | readonly string[];
type Named = '*' | Readonly<Record<string, OneOrMore>>;

export interface NaiveStatement {
  readonly Sid?: string | undefined;
  readonly Effect: string;
  readonly Principal?: Named | undefined;
  readonly NotPrincipal?: Named | undefined;
  readonly Action?: OneOrMore | undefined;
  readonly NotAction?: OneOrMore | undefined;
  readonly Resource?: OneOrMore | undefined;
  readonly NotResource?: OneOrMore | undefined;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMore>>>> | undefined;
}

export interface NaiveDocument {
  readonly Version?: string | undefined;
  readonly Statement: readonly NaiveStatement[];
}

export type NaiveAnswer = 'Allow' | 'ExplicitDeny' | 'ImplicitDeny';

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html */
export function naiveDecision(request: NaiveRequest): NaiveAnswer {
  const { resourcePolicy, boundary, session = [], identity, principal } = request;
  const all = [resourcePolicy, boundary, ...session, ...identity].filter((document) => document !== undefined);
  if (all.some((document) => says('Deny', document, request, anyone))) return 'ExplicitDeny';
  return isAllowed() ? 'Allow' : 'ImplicitDeny';

  function isAllowed(): boolean {
    const sameAccount = principal.account === request.resourceAccount;
    const resourceSays = (closeness: Closeness): boolean =>
      resourcePolicy !== undefined && says('Allow', resourcePolicy, request, closeness);
    // A service has no identity policies of its own, wherever it comes from.
    if (principal.kind === 'service') return resourceSays(itself);
    if (sameAccount && resourceSays(itself)) return true;
    const withinLimits =
      (boundary === undefined || says('Allow', boundary, request, anyone)) &&
      (session.length === 0 || session.some((document) => says('Allow', document, request, anyone)));
    const identitySays =
      principal.kind === 'root' || identity.some((document) => says('Allow', document, request, anyone));
    if (sameAccount && resourceSays(itsRole)) return withinLimits;
    if (!sameAccount) return resourceSays(anyone) && withinLimits && identitySays;
    if (request.keyPolicyDecides) return resourceSays(anyone) && withinLimits && identitySays;
    return withinLimits && identitySays;
  }
}

/** How closely a Principal must name the caller for a statement to count. */
type Closeness = (named: Named, principal: NaivePrincipal) => boolean;

function says(effect: string, document: NaiveDocument, request: NaiveRequest, closeness: Closeness): boolean {
  return document.Statement.some(
    (statement) => statement.Effect === effect && applies(statement, document.Version, request, closeness),
  );
}

function applies(
  statement: NaiveStatement,
  version: string | undefined,
  { principal, action, resource, context, boundary }: NaiveRequest,
  closeness: Closeness,
): boolean {
  const withVariables = version === '2012-10-17';
  if (statement.Principal !== undefined && !closeness(statement.Principal, principal)) return false;
  // "Will always deny any IAM principal that has a permissions boundary policy attached."
  if (statement.NotPrincipal !== undefined && boundary === undefined && isExempt(statement.NotPrincipal, principal))
    return false;
  const actionIs = (pattern: string): boolean => naiveWildcards(pattern.toLowerCase(), action.toLowerCase());
  const resourceIs = (pattern: string): boolean => {
    const text = withVariables ? replaceVariables(pattern, context) : pattern;
    return text !== undefined && naiveResource(text, resource);
  };
  const conditions = Object.entries(statement.Condition ?? {});
  return (
    chosen(statement.Action, statement.NotAction, actionIs) &&
    chosen(statement.Resource, statement.NotResource, resourceIs) &&
    conditions.every(([operator, keys]) =>
      Object.entries(keys).every(([key, wanted]) => {
        const expand = (value: string): string | undefined =>
          withVariables ? replaceVariables(value, context) : value;
        return naiveHolds(operator, key, list(wanted), context, expand);
      }),
    )
  );
}

/** A statement with neither element has no effect. */
function chosen(yes: OneOrMore | undefined, no: OneOrMore | undefined, matches: (pattern: string) => boolean): boolean {
  if (yes !== undefined) return list(yes).some(matches);
  return no !== undefined && !list(no).some(matches);
}

/** "When policy variables reference a key that has no value, there is no equal or like value." */
function replaceVariables(text: string, context: NaiveContext): string | undefined {
  const missing: string[] = [];
  const replaced = text.replace(
    /\$\{([^},]+)(?:, *'([^']*)')?\}/g,
    (all, key: string, fallback: string | undefined) => {
      const value = context[key.toLowerCase()] ?? fallback;
      if (typeof value === 'string') return literal(value);
      missing.push(key);
      return all;
    },
  );
  return missing.length > 0 ? undefined : replaced;
}

const list = (value: OneOrMore): readonly string[] => (typeof value === 'string' ? [value] : value);

function names(named: Named): { aws: readonly string[]; services: readonly string[] } {
  if (named === '*') return { aws: ['*'], services: [] };
  return { aws: list(named['AWS'] ?? []), services: list(named['Service'] ?? []) };
}

/** The user, the session, the root user, the service: directly, by unique id, or as one of all. */
function itself(named: Named, principal: NaivePrincipal): boolean {
  const { aws, services } = names(named);
  switch (principal.kind) {
    case 'service':
      return services.includes(principal.name);
    case 'root':
      return aws.some((name) => name === '*' || name === principal.account || name === accountArn(principal.account));
    case 'user':
      return aws.some((name) => name === '*' || name === principal.arn || name === principal.id);
    case 'session':
      return aws.some((name) => name === '*' || name === principal.arn);
  }
}

function itsRole(named: Named, principal: NaivePrincipal): boolean {
  if (principal.kind !== 'session') return false;
  return names(named).aws.some((name) => name === principal.roleArn || name === principal.roleId);
}

/** In any way, its account among them. */
function anyone(named: Named, principal: NaivePrincipal): boolean {
  if (itself(named, principal) || itsRole(named, principal)) return true;
  if (principal.kind === 'service') return false;
  return names(named).aws.some((name) => name === principal.account || name === accountArn(principal.account));
}

/** "AWS might validate the account first, then the role, and then the assumed-role user": each of them must be listed. */
function isExempt(named: Named, principal: NaivePrincipal): boolean {
  if (principal.kind === 'service') return itself(named, principal);
  const accountIsListed = itself(named, { kind: 'root', account: principal.account });
  const everyone = names(named).aws.includes('*');
  return (
    accountIsListed &&
    (everyone || (principal.kind === 'session' ? itsRole(named, principal) : itself(named, principal)))
  );
}

const accountArn = (account: string): string => `arn:aws:iam::${account}:root`;
