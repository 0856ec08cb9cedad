import { KeysteadError } from '@keystead/errors';
import {
  accessDeniedMessage,
  evaluate,
  type CompiledPolicy,
  type ContextLookup,
  type Decision,
  type PolicyPrincipal,
  type PrincipalPolicies,
} from '@keystead/policy';

/** One question: may this caller do this with that key (or with no key, "*"). */
export interface Question {
  /** For example "kms:Encrypt". */
  readonly action: string;
  readonly principal: PolicyPrincipal;
  readonly policies: PrincipalPolicies;
  readonly values: ContextLookup;
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
  ].map((name) => `kms:${name}`),
);

/** Decides by key policy and identity policies. */
export function decide(question: Question): Decision {
  const { action, principal, policies, account } = question;
  if (principal.account !== account && !acrossAccounts.has(action))
    return { effect: 'ImplicitDeny', policyType: 'resource' };
  return evaluate({
    action,
    resource: question.resource,
    resourceAccount: account,
    principal,
    values: question.values,
    identity: policies.identity,
    boundary: policies.boundary,
    session: policies.session,
    resourcePolicy: question.keyPolicy,
    resourcePolicyDecides: question.keyPolicy !== undefined,
  });
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
