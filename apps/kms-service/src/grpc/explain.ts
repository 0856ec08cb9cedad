import { KeysteadError } from '@keystead/errors';
import {
  accessDeniedMessage,
  contextValues,
  globalValues,
  type Decision,
  type PolicyPrincipal,
  type TracedCondition,
  type TracedPolicy,
} from '@keystead/policy';
import { PrincipalType, Session, type CallContext } from '@keystead/proto/common';
import type * as proto from '@keystead/proto/kms';
import { KmsAdminServiceService } from '@keystead/proto/kms';
import { unary, type ServiceBinding } from '@keystead/service';
import type { Question } from '../domain/authorization.js';
import { kmsValues } from '../domain/conditions.js';
import { constraints } from '../domain/constraints.js';
import {
  encryptionContextIn,
  explain,
  notesOf,
  subjectOf,
  withGiven,
  type Explanation,
  type Subject,
} from '../domain/explanation.js';
import type { GrantRule } from '../domain/grant.js';
import { namesOf } from '../domain/grant-principal.js';
import { aliasNotFound, keyNotFound, parseIdentifier } from '../domain/identifier.js';
import { aliasArn, type Key } from '../domain/key.js';
import { asksForUse, daysWithoutUse } from '../domain/last-usage.js';
import type { LoadedKey } from '../domain/loaded-key.js';
import { readingsOf } from '../domain/readings.js';
import type { Environment } from './environment.js';

const mostContextKeys = 100;

/** KmsAdminService: explanations, for operators' certificates only. */
export function adminService(environment: Environment): ServiceBinding {
  const explainRpc = unary<proto.ExplainRequest, proto.ExplainResponse>(async (request, { peer }) => {
    if (peer.kind !== 'operator') throw new KeysteadError('AccessDenied', 'Only operators may ask for explanations.');
    return explained(environment, request);
  });
  return { definition: KmsAdminServiceService, implementation: { explain: explainRpc } };
}

async function explained(environment: Environment, request: proto.ExplainRequest): Promise<proto.ExplainResponse> {
  const action = actionOf(request.action);
  const given = givenValues(request.context);
  const subject = subjectOf(request.principal);
  const known = await environment.principals.get(subject.holder);
  if (!known) throw new KeysteadError('NoSuchEntity', `There is no principal ${subject.holder}.`);
  const principal = subject.principal(known.uniqueId);
  const { key, requestAlias } = await keyOf(environment, request.resource, principal.account);
  const encryptionContext = encryptionContextIn(given);
  const unused = key && asksForUse(action) ? await daysOf(environment, key.key) : undefined;
  const facts = { encryptionContext, daysWithoutUse: unused, ...(requestAlias === undefined ? {} : { requestAlias }) };
  const via = given['kms:ViaService']?.[0];
  const { region } = environment;
  const now = environment.now();
  const context = contextOf(subject, principal, { viaService: via?.split('.', 1)[0] ?? '', now });
  const globals = globalValues({ context, tags: known.policies.tags, now, region });
  const firsts = contextValues(
    Object.fromEntries(Object.entries(given).map(([name, values]) => [name, values.length === 1 ? values[0] : values])),
  );
  const question: Question = {
    ...{ action, principal, policies: known.policies },
    resource: key?.key.arn ?? '*',
    account: key?.key.account ?? principal.account,
    keyPolicy: key?.policy,
    readings: readingsOf(facts, key).map((reading) => {
      const own = kmsValues(reading.facts, { account: principal.account, viaService: via }, reading.about);
      const rest = contextValues(globals);
      return withGiven(firsts, (name) => own(name) ?? rest(name));
    }),
  };
  const grants = key ? await grantsOf(environment, key.key, principal) : new Map<string, readonly GrantRule[]>();
  const explanation = explain(question, (id) => grants.get(id) ?? [], encryptionContext);
  return wireExplanation(question, explanation, key?.key);
}

/** Errors: Validation for what is no action of KMS. */
function actionOf(action: string): string {
  const name = /^kms:([A-Za-z]+)$/.exec(action)?.[1] ?? '';
  if (name === 'ReEncrypt')
    throw new KeysteadError('Validation', 'Ask for kms:ReEncryptFrom on one key and kms:ReEncryptTo on the other.');
  const known = Object.hasOwn(constraints, name) || name === 'ReEncryptFrom' || name === 'ReEncryptTo';
  if (!known) throw new KeysteadError('Validation', `${action.slice(0, 128)} is no action of KMS.`);
  return action;
}

function givenValues(context: readonly proto.ContextValue[]): Record<string, readonly string[]> {
  if (context.length > mostContextKeys)
    throw new KeysteadError('Validation', `At most ${mostContextKeys} context keys.`);
  return Object.fromEntries(context.map(({ key, values }) => [key, values]));
}

interface Found {
  readonly key: LoadedKey | undefined;
  readonly requestAlias: string | undefined;
}

/** The key that is asked about; none for "*". Errors: InvalidArn, NotFound. */
async function keyOf({ directory, region }: Environment, text: string, account: string): Promise<Found> {
  if (text === '*' || text === '') return { key: undefined, requestAlias: undefined };
  const identifier = parseIdentifier(text, { region, account });
  const alias = identifier.kind === 'alias' ? identifier.name : undefined;
  const id = identifier.kind === 'key' ? identifier.id : await directory.alias(identifier.account, identifier.name);
  if (id === undefined) throw aliasNotFound(aliasArn(region, identifier.account, alias ?? ''));
  const key = await directory.key(identifier.account, id);
  if (!key || key.key.manager === 'SERVICE') throw keyNotFound(region, identifier.account, id);
  return { key, requestAlias: alias };
}

async function daysOf({ lastUsage, now }: Environment, { account, id }: Key): Promise<number | undefined> {
  const known = await lastUsage(account, id);
  return known && daysWithoutUse(known, now());
}

/** From the database, since memory keeps only what decisions need: an explanation names the grants. */
async function grantsOf(
  { store }: Environment,
  { account, id }: Key,
  principal: PolicyPrincipal,
): Promise<Map<string, readonly GrantRule[]>> {
  const found = new Map<string, readonly GrantRule[]>();
  for (const grantee of namesOf(principal).keys()) found.set(grantee, await store.grantRules(account, id, grantee));
  return found;
}

const types: Readonly<Record<Subject['kind'], PrincipalType>> = {
  root: PrincipalType.PRINCIPAL_TYPE_ROOT,
  user: PrincipalType.PRINCIPAL_TYPE_IAM_USER,
  role: PrincipalType.PRINCIPAL_TYPE_ASSUMED_ROLE,
};

/** A call as it would be: over TLS, from nowhere in particular. */
function contextOf(
  subject: Subject,
  principal: PolicyPrincipal,
  { viaService, now }: { viaService: string; now: Date },
): CallContext {
  const { kind, userName, holder } = subject;
  const { arn, account, uniqueId = '' } = principal;
  const [issuerUniqueId = ''] = uniqueId.split(':', 1);
  const session = Session.fromPartial({ issuerArn: holder, issuerUniqueId, issuedAtMs: BigInt(now.getTime()) });
  return {
    principal: { type: types[kind], arn, uniqueId, account, userName },
    session: kind === 'role' ? session : undefined,
    tls: { version: 'TLSv1.3', cipherSuite: '', clientProvidedHostHeader: '' },
    ...{ accessKeyId: '', sourceIp: '', userAgent: '', viaService, requestId: '' },
  };
}

function wireExplanation(question: Question, explanation: Explanation, key: Key | undefined): proto.ExplainResponse {
  const { decision, byGrant, trace, grants } = explanation;
  const { action, resource, principal } = question;
  const { effect, policyType, statement } = decision;
  // Whoever is refused a key of another account learns nothing of the reason.
  const isForeign = principal.account !== question.account;
  const shown: Decision = isForeign ? { effect: 'ImplicitDeny', policyType: 'resource' } : decision;
  const refusal = { principalArn: principal.arn, action, resource, decision: shown };
  return {
    ...{ decision: effect, decidedBy: byGrant ? 'grant' : policyType, resource },
    policy: byGrant ? '' : (statement?.policy ?? ''),
    statement: byGrant ? undefined : statement?.index,
    message: effect === 'Allow' ? '' : accessDeniedMessage(refusal),
    policies: trace.policies.map(wirePolicy),
    grants: grants.map(({ rule, ...rest }) => ({ grantId: rule.id, operations: [...rule.operations], ...rest })),
    missingContextKeys: [...trace.missingContextKeys],
    notes: notesOf(question, key, explanation),
  };
}

function wirePolicy({ type, name, outcome, statements }: TracedPolicy): proto.ExplainedPolicy {
  return {
    ...{ type, name, outcome },
    statements: statements.map(({ sid = '', conditions, ...rest }) => {
      return { ...rest, sid, conditions: conditions.map(wireCondition) };
    }),
  };
}

function wireCondition({ operator, key, wanted, found, matched }: TracedCondition): proto.ExplainedCondition {
  const values = found === undefined ? [] : typeof found === 'string' ? [found] : [...found];
  return { operator, key, wanted: [...wanted], found: values, present: found !== undefined, matched };
}
