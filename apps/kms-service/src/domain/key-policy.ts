import { KeysteadError } from '@keystead/errors';
import { compilePolicy, isServicePrincipal, PolicyError, type CompiledPolicy } from '@keystead/policy';
import { decide, type Question } from './authorization.js';
import type { Key } from './key.js';

/** The quota of a key policy; the API model alone would allow 131,072. */
export const maxPolicyBytes = 32_768;

const name = 'key policy';

/** The policy of a key made without one: the account's own policies decide. */
export function defaultPolicy(account: string): string {
  return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::${account}:root"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`;
}

/** AWS's policy of alias/aws/s3: use only through S3, reading of metadata for the account. */
export function s3ManagedPolicy(account: string, region: string): string {
  const throughS3 = {
    Sid: 'Allow access through S3 for all principals in the account that are authorized to use S3',
    Effect: 'Allow',
    Principal: { AWS: '*' },
    Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
    Resource: '*',
    Condition: { StringEquals: { 'kms:CallerAccount': account, 'kms:ViaService': `s3.${region}.amazonaws.com` } },
  };
  const metadata = {
    Sid: 'Allow direct access to key metadata to the account',
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${account}:root` },
    Action: ['kms:Describe*', 'kms:Get*', 'kms:List*', 'kms:RevokeGrant'],
    Resource: '*',
  };
  return JSON.stringify({ Version: '2012-10-17', Id: 'auto-s3-2', Statement: [throughS3, metadata] }, null, 2);
}

/** Compiles a policy that a caller wrote. Errors: LimitExceeded, MalformedPolicyDocument. */
export function readPolicy(json: string): CompiledPolicy {
  if (Buffer.byteLength(json) > maxPolicyBytes)
    throw new KeysteadError('LimitExceeded', 'The policy document size exceeds the limit of 32768 bytes.');
  const policy = compiled(json);
  if (!policy.services.every(isServicePrincipal)) throw invalidPrincipals();
  requireNotOverlyPermissive(policy);
  return policy;
}

function compiled(json: string): CompiledPolicy {
  try {
    return compilePolicy(json, { kind: 'resource', name });
  } catch (error) {
    if (error instanceof PolicyError)
      throw new KeysteadError('MalformedPolicyDocument', ownWords.get(error.message) ?? error.message);
    throw error;
  }
}

/** Keys with one value, by how they begin: a set operator would allow requests that have none. */
const singleValued = [
  {
    prefix: 'kms:encryptioncontext:',
    error: 'OverlyPermissiveCondition:EncryptionContext',
    what: 'encryption context',
  },
  { prefix: 'aws:requesttag/', error: 'OverlyPermissiveCondition', what: 'tag' },
];

/**
 * Refuses an Allow that is wider than it looks.
 * https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#set-operators
 */
function requireNotOverlyPermissive({ statements }: CompiledPolicy): void {
  for (const { effect, conditions } of statements)
    if (effect === 'Allow') for (const one of conditions) checkWidth(one);
}

function checkWidth({ operator, key }: CompiledPolicy['statements'][number]['conditions'][number]): void {
  if (!operator.toLowerCase().startsWith('forallvalues:')) return;
  const found = singleValued.find(({ prefix }) => key.toLowerCase().startsWith(prefix));
  if (!found) return;
  const { error, what } = found;
  throw new KeysteadError(
    'MalformedPolicyDocument',
    `${error}: Using the ForAllValues set operator with a single-valued condition key matches requests without the specified ${what} or with an unspecified ${what}. To fix, remove ForAllValues.`,
  );
}

/** What KMS says in other words than other services. */
const ownWords: ReadonlyMap<string, string> = new Map([
  ['Policy document must contain a principal in each statement.', 'Policy contains a statement with no principal.'],
]);

/** Users, roles and sessions of roles have unique ids; accounts and bare ids do not need one. */
const withUniqueId = /^arn:aws:(iam::\d{12}:(user|role)\/|sts::\d{12}:assumed-role\/)/;

/** Binds ARNs to the unique ids that they had when the policy was written. Errors: MalformedPolicyDocument for a principal that does not exist. */
export function bindPrincipals(named: readonly string[], found: ReadonlyMap<string, string>): Record<string, string> {
  const bound: Record<string, string> = {};
  for (const principal of named) {
    const uniqueId = found.get(principal);
    if (uniqueId === undefined) throw invalidPrincipals();
    if (withUniqueId.test(principal)) bound[principal] = uniqueId;
  }
  return bound;
}

/**
 * The policy as it is shown: a principal that is gone, or whose name somebody else has by now, appears as the unique id to
 * which the policy still holds.
 */
export function shownPolicy(
  { policy, principals }: Pick<Key, 'policy' | 'principals'>,
  found: ReadonlyMap<string, string>,
): string {
  const gone = Object.entries(principals).filter(([arn, id]) => found.get(arn) !== id);
  return gone.reduce((text, [arn, id]) => text.replaceAll(JSON.stringify(arn), JSON.stringify(id)), policy);
}

/**
 * The policy as it is evaluated: ARNs replaced by unique ids, so that another user who is later given the same name
 * gets nothing (AWS shows and applies the id too, once the user is gone).
 */
export function compileBound(json: string, principals: Readonly<Record<string, string>>): CompiledPolicy {
  return compilePolicy(json, { kind: 'resource', name, bound: principals });
}

/**
 * Refuses a policy under which its author, with the policies that the author has now, could not change it again.
 * https://repost.aws/knowledge-center/update-key-policy-future. Errors: MalformedPolicyDocument.
 */
export function requireNoLockout(policy: CompiledPolicy, author: Author): void {
  const { effect } = decide({ ...author, action: 'kms:PutKeyPolicy', keyPolicy: policy });
  if (effect === 'Allow') return;
  throw new KeysteadError(
    'MalformedPolicyDocument',
    'The new key policy will not allow you to update the key policy in the future.',
  );
}

/** Who writes the policy, with what policies of its own, for which key. */
export type Author = Omit<Question, 'action' | 'keyPolicy'>;

function invalidPrincipals(): KeysteadError {
  return new KeysteadError(
    'MalformedPolicyDocument',
    'Policy contains a statement with one or more invalid principals.',
  );
}
