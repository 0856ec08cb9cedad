import { KeysteadError } from '@keystead/errors';
import {
  accessDeniedMessage,
  compilePolicy,
  evaluate,
  type AuthorizationRequest,
  type CompiledPolicy,
  type ContextLookup,
  type Decision,
  type PolicyPrincipal,
  type PrincipalPolicies,
} from '@keystead/policy';
import type { Grant } from './grant.js';
import { namesOf, type NamedAs } from './grant-principal.js';

/** One question: may this caller do this with that key (or with no key, "*"). */
export interface Question {
  /** For example "kms:Encrypt". */
  readonly action: string;
  readonly principal: PolicyPrincipal;
  readonly policies: PrincipalPolicies;
  /** The condition keys: one look-up, or one for each way to read names that differ only in case (ADR 0036). */
  readonly readings: readonly ContextLookup[];
  /** The ARN of the key or alias, or "*". */
  readonly resource: string;
  /** The owner of the resource. */
  readonly account: string;
  /** Absent for what is decided by identity policies alone: CreateKey, ListKeys, ListAliases, GenerateRandom, aliases. */
  readonly keyPolicy?: CompiledPolicy | undefined;
}

/**
 * The operations that another account may be allowed to use on a key.
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
 */
const acrossAccounts: ReadonlySet<string> = new Set(
  [
    ...['Decrypt', 'DescribeKey', 'Encrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext'],
    ...['GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext', 'GetPublicKey', 'Sign', 'Verify'],
    ...['GenerateMac', 'VerifyMac', 'DeriveSharedSecret', 'Encapsulate', 'Decapsulate'],
    ...['GetKeyRotationStatus', 'ReEncryptFrom', 'ReEncryptTo'],
    ...['CreateGrant', 'ListGrants', 'RevokeGrant'],
  ].map((name) => `kms:${name}`),
);

/** Whether the owner of a key can allow this to other accounts. */
export function worksAcrossAccounts(action: string): boolean {
  return acrossAccounts.has(action);
}

/** Decides by key policy and identity policies; every reading of the request must be allowed. */
export function decide(question: Question): Decision {
  const { action, principal, account } = question;
  if (principal.account !== account && !worksAcrossAccounts(action))
    return { effect: 'ImplicitDeny', policyType: 'resource' };
  return everyReading(question, {
    resourceAccount: account,
    resourcePolicy: question.keyPolicy,
    resourcePolicyDecides: question.keyPolicy !== undefined,
  });
}

/**
 * Decides for a caller whom a grant on the key names in this way, once no policy denies. The grant is to the caller as
 * a resource policy of the caller's own account is: a role's session is still limited by boundary and session policies,
 * and an account decides by its identity policies.
 */
export function decideGranted(question: Question, named: NamedAs): Decision {
  const { principal } = question;
  const names = { self: principal.arn, role: principal.roleArn ?? principal.arn, account: principal.account };
  return everyReading(question, {
    resourceAccount: principal.account,
    resourcePolicy: allowing(names[named]),
    resourcePolicyDecides: true,
  });
}

/** The Allow of a grant for whoever may retire it; undefined when it allows the caller nothing. */
export function byRetirement(question: Question, grant: Grant): Decision | undefined {
  for (const [id, named] of namesOf(question.principal)) {
    const isGrantee = id === grant.granteeId && grant.operations.includes('RetireGrant');
    if (id !== grant.retiringId && !isGrantee) continue;
    const decision = decideGranted(question, named);
    if (decision.effect === 'Allow') return decision;
  }
  return undefined;
}

type Place = Pick<AuthorizationRequest, 'resourceAccount' | 'resourcePolicy' | 'resourcePolicyDecides'>;

/** What the readings come to: a Deny of any of them, else a missing Allow of any, else the Allow. */
function everyReading(question: Question, place: Place): Decision {
  const { action, resource, principal, policies } = question;
  const { identity, boundary, session } = policies;
  const { resourceAccount, resourcePolicy, resourcePolicyDecides } = place;
  let missing: Decision | undefined;
  let allowed: Decision | undefined;
  for (const values of question.readings) {
    const decision = evaluate({
      action,
      resource,
      principal,
      values,
      identity,
      boundary,
      session,
      resourceAccount,
      resourcePolicy,
      resourcePolicyDecides,
    });
    if (decision.effect === 'ExplicitDeny') return decision;
    if (decision.effect === 'Allow') allowed = decision;
    else missing ??= decision;
  }
  return missing ?? allowed ?? { effect: 'ImplicitDeny', policyType: 'resource' };
}

const maxRemembered = 10_000;
const remembered = new Map<string, CompiledPolicy>();

/** A policy that allows everything to one principal. */
function allowing(principal: string): CompiledPolicy {
  const known = remembered.get(principal);
  if (known) return known;
  const statement = { Effect: 'Allow', Principal: { AWS: principal }, Action: 'kms:*', Resource: '*' };
  const policy = compilePolicy(JSON.stringify({ Version: '2012-10-17', Statement: [statement] }), {
    ...{ kind: 'resource', name: 'grant' },
  });
  if (remembered.size >= maxRemembered) remembered.clear();
  remembered.set(principal, policy);
  return policy;
}

/** AWS's answer to a refused call; the deciding statement is for the operator only. */
export function accessDenied(question: Question, decision: Decision): KeysteadError {
  const { action, resource, principal } = question;
  return new KeysteadError(
    'AccessDenied',
    accessDeniedMessage({ principalArn: principal.arn, action, resource, decision }),
  );
}

/** The answer for a key of another account that is not there: nobody learns that from a refusal. */
export function foreignKeyDenied(principal: PolicyPrincipal, action: string, resource: string): KeysteadError {
  const decision: Decision = { effect: 'ImplicitDeny', policyType: 'resource' };
  return new KeysteadError(
    'AccessDenied',
    accessDeniedMessage({ principalArn: principal.arn, action, resource, decision }),
  );
}
