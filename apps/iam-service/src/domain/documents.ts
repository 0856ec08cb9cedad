import { KeysteadError } from '@keystead/errors';
import { compilePolicy, PolicyError, type CompiledPolicy, type PolicyKind } from '@keystead/policy';
import type { EntityKind, InlinePolicy } from './entities.js';
import { constraint, present } from './fields.js';
import { quotas } from './quotas.js';

/** What the wire takes: far more than any quota, so that the quota's own error is the one that is seen. */
const maximumLength = 131_072;

/** A document as it travels: its length and characters. */
export function documentText(field: string, document: string | undefined, maximum = maximumLength): string {
  const text = present(field, document);
  if (text.length < 1) throw constraint(field, '', 'have length greater than or equal to 1');
  if (text.length > maximum) {
    throw constraint(field, `${text.slice(0, 32)}…`, `have length less than or equal to ${maximum}`);
  }
  if (isLatin(text)) return text;
  throw new KeysteadError(
    'Validation',
    `The specified value for ${field} is invalid. It must contain only printable ASCII characters.`,
  );
}

/** Of documents of 131,072 characters an expression would take a good part of a millisecond. */
function isLatin(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff || (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d)) return false;
  }
  return true;
}

/** Compiles a document as it is written. Throws MalformedPolicyDocument. */
export function compiled(text: string, place: { kind: PolicyKind; name: string }): CompiledPolicy {
  try {
    return compilePolicy(text, place);
  } catch (error) {
    if (error instanceof PolicyError) throw malformed(error.message);
    throw error;
  }
}

/**
 * Checks a policy document as it is written: characters, at most `quota` of them without white space, grammar, and that
 * the engine can evaluate all of it. The size comes first: what is compiled is always of legal size.
 */
export function checkDocument(document: string | undefined, name: string, quota: number): string {
  const text = documentText('policyDocument', document);
  checked(text, name, quota);
  return text;
}

/** The same for a managed policy, which must be of the version that has policy variables. */
export function checkManagedDocument(document: string | undefined, name: string, quota: number): string {
  const text = documentText('policyDocument', document);
  if (checked(text, name, quota).version === '2012-10-17') return text;
  throw malformed('Policy document must be version 2012-10-17 or greater.');
}

function checked(text: string, name: string, quota: number): CompiledPolicy {
  if (policySize(text) > quota)
    throw new KeysteadError('LimitExceeded', `Cannot exceed quota for PolicySize: ${quota}`);
  const policy = compiled(text, { kind: 'identity', name });
  for (const { resources } of policy.statements) for (const resource of resources) checkResource(resource);
  return policy;
}

const iamTypes = [
  ...['user/', 'federated-user/', 'role/', 'group/', 'instance-profile/', 'mfa/', 'server-certificate/', 'policy/'],
  ...['sms-mfa/', 'saml-provider/', 'oidc-provider/', 'report/', 'access-report/'],
];

/** What IAM refuses in a resource that is an ARN: it knows the form of its own and of buckets. */
function checkResource(resource: string): void {
  if (resource === '*') return;
  // Policy variables have colons of their own.
  const [, , vendor, region, account, ...rest] = resource.replaceAll(/\$\{[^}]*\}/g, '$').split(':');
  if (rest.length === 0) {
    if (resource.includes('::')) throw malformed('The policy failed legacy parsing');
    return;
  }
  const name = rest.join(':');
  if (vendor === 'iam') {
    if (region !== '') throw malformed(`IAM resource ${resource.slice(0, 256)} cannot contain region information.`);
    if (['*', 'root'].includes(name) || name.startsWith('$')) return;
    if (iamTypes.some((type) => name.startsWith(type))) return;
    throw malformed(`IAM resource path must either be "*", root, or start with ${iamTypes.join(', ')}.`);
  }
  if (vendor === 's3' && region !== '' && account === '')
    throw malformed(`Resource ${resource.slice(0, 256)} can not contain region information.`);
}

/** The answer for a document that IAM does not take. */
export function malformed(message: string): KeysteadError {
  return new KeysteadError('MalformedPolicyDocument', message);
}

/** IAM does not count white space against the size of a policy. */
export function policySize(document: string): number {
  let size = document.length;
  for (let i = 0; i < document.length; i++) if (isBlank(document.charCodeAt(i))) size--;
  return size;
}

/** The white space that documents can have: tab to carriage return, blank, and the one that does not break. */
function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d) || code === 0xa0;
}

const inlineQuotas: Record<EntityKind, number> = {
  user: quotas.UserPolicySizeQuota,
  group: quotas.GroupPolicySizeQuota,
  role: quotas.RolePolicySizeQuota,
};

/** All inline policies of a user have at most 2,048 characters together, of a group 5,120, of a role 10,240. */
export function checkInlineSize(kind: EntityKind, entity: string, policies: readonly InlinePolicy[]): void {
  const quota = inlineQuotas[kind];
  const size = policies.reduce((sum, { document }) => sum + policySize(document), 0);
  if (size <= quota) return;
  throw new KeysteadError('LimitExceeded', `Maximum policy size of ${quota} bytes exceeded for ${kind} ${entity}`);
}
