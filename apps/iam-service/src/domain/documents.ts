import { KeysteadError } from '@keystead/errors';
import { compilePolicy, PolicyError } from '@keystead/policy';
import type { EntityKind, InlinePolicy } from './entities.js';
import { constraint, present } from './fields.js';
import { quotas } from './quotas.js';

/** What the wire takes: far more than any quota, so that the quota's own error is the one that is seen. */
const maximumLength = 131_072;

/** Checks length and characters of a document; `field` as the wire calls it. */
export function checkDocumentText(text: string, field: string): string {
  if (text.length < 1) throw constraint(field, '', 'have length greater than or equal to 1');
  if (text.length > maximumLength) {
    throw constraint(field, `${text.slice(0, 32)}…`, `have length less than or equal to ${maximumLength}`);
  }
  if (/^[\t\n\r\u0020-\u00ff]+$/.test(text)) return text;
  throw new KeysteadError(
    'Validation',
    `The specified value for ${field} is invalid. It must contain only printable ASCII characters.`,
  );
}

/** Checks a policy document as it is written: characters, grammar, and that the engine can evaluate all of it. */
export function checkDocument(document: string | undefined, name: string): string {
  const text = checkDocumentText(present('policyDocument', document), 'policyDocument');
  try {
    compilePolicy(text, { kind: 'identity', name });
  } catch (error) {
    if (error instanceof PolicyError) throw new KeysteadError('MalformedPolicyDocument', error.message);
    throw error;
  }
  return text;
}

/** IAM does not count white space against the size of a policy. */
export function policySize(document: string): number {
  return document.replace(/\s/g, '').length;
}

/** A managed policy has at most 6,144 characters. */
export function checkManagedSize(document: string): void {
  if (policySize(document) <= quotas.PolicySizeQuota) return;
  throw new KeysteadError('LimitExceeded', `Cannot exceed quota for PolicySize: ${quotas.PolicySizeQuota}`);
}

/** All inline policies of a user have at most 2,048 characters together, of a group 5,120. */
export function checkInlineSize(kind: EntityKind, entity: string, policies: readonly InlinePolicy[]): void {
  const quota = kind === 'user' ? quotas.UserPolicySizeQuota : quotas.GroupPolicySizeQuota;
  const size = policies.reduce((sum, { document }) => sum + policySize(document), 0);
  if (size <= quota) return;
  throw new KeysteadError('LimitExceeded', `Maximum policy size of ${quota} bytes exceeded for ${kind} ${entity}`);
}
