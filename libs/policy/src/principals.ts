import { areStrings } from './document.js';
import { PolicyError } from './error.js';

/** Who asks, as policies name them. */
export interface PolicyPrincipal {
  /** arn:aws:iam::A:user/…, arn:aws:iam::A:root, arn:aws:sts::A:assumed-role/R/S, or a service's name. */
  readonly arn: string;
  /** 12 digits. */
  readonly account: string;
  /** AIDA…, AROA…:session. */
  readonly uniqueId?: string;
  /** The role's ARN, for a role session. */
  readonly roleArn?: string;
  /** True for the root user of the account. */
  readonly isRoot?: boolean;
  /** True for a service principal. */
  readonly isService?: boolean;
  /** True for the bearer of an identity provider's token; `arn` is the provider's. */
  readonly isFederated?: boolean;
}

/**
 * How a Principal element names the caller. "account" delegates: the account's own identity policies
 * decide. "role" grants to the role, so boundary and session policies still limit; "self" grants to the
 * user or session itself.
 */
export type PrincipalMatch = 'none' | 'account' | 'role' | 'self';

/** A compiled Principal or NotPrincipal element. */
export interface PrincipalMatcher {
  match(principal: PolicyPrincipal): PrincipalMatch;
  /** The AWS principals as they were written, for the check that they exist. */
  readonly named: readonly string[];
  /** The services as they were written. */
  readonly services: readonly string[];
}

const accountArn = /^arn:aws[a-z-]*:iam::(\d{12}):root$/;
const awsPrincipal =
  /^(\*|\d{12}|arn:aws[a-z-]*:(iam::\d{12}:(root|(user|role)\/[\w+=,.@/-]+)|sts::\d{12}:(assumed-role|federated-user)\/[\w+=,.@/-]+)|A(IDA|ROA)[A-Z0-9]{12,28})$/;

/** What a policy may name, and what its names mean. */
export interface PrincipalRules {
  /** True for a trust policy: identity providers may be named, and a refusal says which principal is invalid. */
  readonly trust: boolean;
  /** Unique ids that stand for names from here on. */
  readonly bound: Readonly<Record<string, string>>;
}

const anyPolicy: PrincipalRules = { trust: false, bound: {} };
const provider = /^(arn:aws[a-z-]*:iam::\d{12}:(oidc|saml)-provider\/[!-~]+|[a-z0-9.-]+\.[a-z]+)$/;

/** Compiles a Principal element; refuses what is not a full ARN, an account, a unique id or "*". */
export function compilePrincipals(element: unknown, { trust, bound } = anyPolicy): PrincipalMatcher {
  if (element === '*') return everybody;
  const { aws, services, federated } = listed(element, trust);
  if (aws.length + services.length + federated.length === 0) throw invalid();
  const refused = (kind: string, name: string) =>
    trust ? invalid(`Invalid principal in policy: "${kind}":"${name.slice(0, 256)}"`) : invalid();
  for (const name of aws) if (name !== '*' && !isAccount(name) && !awsPrincipal.test(name)) throw refused('AWS', name);
  for (const name of federated) if (!provider.test(name)) throw refused('Federated', name);
  let matches: PrincipalMatcher['match'] | undefined;
  return {
    named: aws.filter((name) => name !== '*'),
    services,
    // Prepared when somebody asks: of the statements of a large policy most speak of other actions.
    match: (principal) => (matches ??= matcher(meant(aws, bound), services, federated))(principal),
  };
}

/** Twelve digits. Policies may list thousands: an expression would cost more, and V8 forgets what it made of one. */
function isAccount(name: string): boolean {
  if (name.length !== 12) return false;
  for (let i = 0; i < 12; i++) {
    const code = name.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

interface Listed {
  readonly aws: readonly string[];
  readonly services: readonly string[];
  readonly federated: readonly string[];
}

function listed(element: unknown, trust: boolean): Listed {
  if (typeof element !== 'object' || element === null || Array.isArray(element)) throw invalid();
  let found: Listed = { aws: [], services: [], federated: [] };
  for (const [kind, value] of Object.entries(element)) {
    const list = strings(value);
    if (kind === 'AWS') found = { ...found, aws: list };
    else if (kind === 'Service') found = { ...found, services: list };
    else if (kind === 'Federated' && trust) found = { ...found, federated: list };
    else throw invalid(`Principal type ${kind} is not supported.`);
  }
  return found;
}

/** The names with unique ids in place of those that are bound. */
function meant(aws: readonly string[], bound: PrincipalRules['bound']): readonly string[] {
  return aws.map((name) => (Object.hasOwn(bound, name) ? (bound[name] ?? name) : name));
}

const service = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|amazonaws\.eu|aws\.internal)$/;

/** Whether AWS would take this as the name of a service; never "*". */
export function isServicePrincipal(name: string): boolean {
  return service.test(name);
}

function matcher(
  aws: readonly string[],
  services: readonly string[],
  federated: readonly string[],
): (principal: PolicyPrincipal) => PrincipalMatch {
  const accounts = new Set(aws.map((name) => (isAccount(name) ? name : (accountArn.exec(name)?.[1] ?? ''))));
  const names = new Set(aws);
  const everyone = names.has('*');
  const serviceNames = new Set(services);
  const providers = new Set(federated);
  return (principal) => {
    if (principal.isFederated) return providers.has(principal.arn) ? 'self' : 'none';
    if (principal.isService) return serviceNames.has(principal.arn) ? 'self' : 'none';
    // "*" names the session itself: boundary and session policies do not limit what it is granted.
    if (everyone || names.has(principal.arn)) return 'self';
    if (principal.uniqueId !== undefined && names.has(principal.uniqueId)) return 'self';
    if (principal.roleArn !== undefined) {
      if (names.has(principal.roleArn) || namesRole(names, principal.uniqueId)) return 'role';
    }
    return accounts.has(principal.account) ? (principal.isRoot ? 'self' : 'account') : 'none';
  };
}

const everybody: PrincipalMatcher = { named: [], services: [], match: matcher(['*'], [], []) };

/** The id of a role is the part of its session's id before the colon. */
function namesRole(names: ReadonlySet<string>, sessionId: string | undefined): boolean {
  const role = sessionId?.split(':', 1)[0];
  return role !== undefined && role !== '' && names.has(role);
}

function strings(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (areStrings(list)) return list;
  throw invalid();
}

function invalid(why = 'Policy contains a statement with one or more invalid principals.'): PolicyError {
  return new PolicyError(why);
}
