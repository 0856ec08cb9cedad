import { KeysteadError } from '@keystead/errors';
import { trace, type ContextLookup, type Decision, type PolicyPrincipal, type Trace } from '@keystead/policy';
import { decide, decideGranted, worksAcrossAccounts, type Question } from './authorization.js';
import { covers, type GrantRule } from './grant.js';
import { namesOf, type NamedAs } from './grant-principal.js';
import type { Key } from './key.js';

/** A grant that names the principal, and what it comes to. */
export interface ExplainedGrant {
  readonly rule: GrantRule;
  readonly named: NamedAs;
  readonly covers: boolean;
  readonly allows: boolean;
}

/** A decision with everything that led to it. */
export interface Explanation {
  readonly decision: Decision;
  /** True when no policy but a grant allows it. */
  readonly byGrant: boolean;
  readonly trace: Trace;
  readonly grants: readonly ExplainedGrant[];
}

/** The rules of grants by the id of the principal that they name. */
export type GrantsOf = (granteeId: string) => readonly GrantRule[];

/** Decides exactly as a call is decided, and keeps what led to it. */
export function explain(
  question: Question,
  grantsOf: GrantsOf,
  encryptionContext: Readonly<Record<string, string>>,
): Explanation {
  const byPolicy = decide(question);
  const grants = [...namesOf(question.principal)].flatMap(([id, named]) =>
    grantsOf(id).map((rule) => explainGrant(question, rule, named, encryptionContext)),
  );
  const allowing = byPolicy.effect === 'ImplicitDeny' ? grants.find(({ allows }) => allows) : undefined;
  const decision: Decision = allowing ? decideGranted(question, allowing.named) : byPolicy;
  return { decision, byGrant: allowing !== undefined, trace: traceOf(question, byPolicy), grants };
}

function explainGrant(
  question: Question,
  rule: GrantRule,
  named: NamedAs,
  encryptionContext: Readonly<Record<string, string>>,
): ExplainedGrant {
  const operation = question.action.slice('kms:'.length);
  const covered = covers(rule, { operation, encryptionContext });
  return { rule, named, covers: covered, allows: covered && decideGranted(question, named).effect === 'Allow' };
}

/** The trace of the reading that decided; usually there is but one. */
function traceOf(question: Question, decision: Decision): Trace {
  const { action, resource, account, principal, policies, keyPolicy } = question;
  const { identity, boundary, session } = policies;
  const traces = question.readings.map((values) =>
    trace({
      ...{ action, resource, resourceAccount: account, principal, values, identity, boundary, session },
      ...{ resourcePolicy: keyPolicy, resourcePolicyDecides: keyPolicy !== undefined },
    }),
  );
  const found = traces.find((one) => one.decision.effect === decision.effect) ?? traces[0];
  if (!found) throw new Error('a question without a reading');
  return found;
}

/** What the policies do not show. */
export function notesOf(question: Question, key: Key | undefined, { decision }: Explanation): string[] {
  const { action, principal, account } = question;
  const notes: string[] = [];
  if (principal.account !== account && !worksAcrossAccounts(action))
    notes.push(`${action} is refused on keys of other accounts, whatever their policies say.`);
  if (/^kms:(Create|Update|Delete)Alias$/.test(action))
    notes.push(
      `${action} must be allowed twice: on the key, which is explained here, and on the alias by identity policies.`,
    );
  if (action === 'kms:RetireGrant')
    notes.push('Retiring is decided by the grant itself and by policies of its accounts; the key policy has no say.');
  if (key && key.state !== 'Enabled' && decision.effect === 'Allow')
    notes.push(`The key is in state ${key.state}: an allowed call may still fail because of it.`);
  return notes;
}

const principalArn =
  /^arn:aws:(?:iam::(\d{12}):(root|user\/(?:[!-~]+\/)?([\w+=,.@-]+)|role\/(?:[!-~]+\/)?([\w+=,.@-]+))|sts::(\d{12}):assumed-role\/([\w+=,.@-]+)\/([\w+=,.@-]+))$/;

/** Who is asked about: whose policies to fetch, and how policies name it. */
export interface Subject {
  /** The ARN by which iam-service knows the policies. */
  readonly holder: string;
  readonly kind: 'root' | 'user' | 'role';
  readonly userName: string;
  /** Makes the principal of policies once the unique id is known. */
  principal(uniqueId: string): PolicyPrincipal & { readonly uniqueId: string };
}

/** Reads a principal's ARN; a role is asked about as a session of it. Errors: Validation. */
export function subjectOf(arn: string): Subject {
  const [, account, resource = '', userName = '', role, sessionAccount, sessionRole, session] =
    principalArn.exec(arn) ?? [];
  if (sessionAccount !== undefined && sessionRole !== undefined && session !== undefined) {
    return roleSubject(`arn:aws:iam::${sessionAccount}:role/${sessionRole}`, sessionAccount, {
      role: sessionRole,
      session,
    });
  }
  if (account === undefined) {
    throw new KeysteadError(
      'Validation',
      `${arn.slice(0, 256)} is not the ARN of a user, role, role session or root user.`,
    );
  }
  if (role !== undefined) return roleSubject(arn, account, { role, session: 'explain' });
  const isRoot = resource === 'root';
  return {
    ...{ holder: arn, kind: isRoot ? 'root' : 'user', userName },
    principal: (uniqueId) => ({ arn, account, uniqueId, isRoot }),
  };
}

function roleSubject(holder: string, account: string, named: { role: string; session: string }): Subject {
  const { role, session } = named;
  const arn = `arn:aws:sts::${account}:assumed-role/${role}/${session}`;
  return {
    ...{ holder, kind: 'role', userName: '' },
    principal: (uniqueId) => ({ arn, account, uniqueId: `${uniqueId}:${session}`, roleArn: holder }),
  };
}

const contextPrefix = 'kms:encryptioncontext:';

/** The encryption context that condition keys of an imagined request describe. */
export function encryptionContextIn(given: Readonly<Record<string, readonly string[]>>): Record<string, string> {
  const pairs = Object.entries(given).filter(([name]) => name.toLowerCase().startsWith(contextPrefix));
  return Object.fromEntries(pairs.map(([name, values]) => [name.slice(contextPrefix.length), values[0] ?? '']));
}

/** What is given comes first; the rest is as it would be. */
export function withGiven(given: ContextLookup, rest: ContextLookup): ContextLookup {
  return (name) => given(name) ?? rest(name);
}
