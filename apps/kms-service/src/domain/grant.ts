import { KeysteadError } from '@keystead/errors';
import type { Key } from './key.js';
import type { KeyUsage } from './key-spec.js';

/** What the encryption context of a request must be; both where both are given. */
export interface GrantConstraint {
  /** These pairs and no others. */
  readonly equals?: Readonly<Record<string, string>>;
  /** These pairs and perhaps others. */
  readonly subset?: Readonly<Record<string, string>>;
}

/** What a grant allows. */
export interface GrantRule {
  /** 64 lower-case hex digits. */
  readonly id: string;
  /** AWS's GrantOperation, sorted. */
  readonly operations: readonly string[];
  readonly constraint: GrantConstraint;
}

/** Lets one principal use one key, beside the key's policy and the principal's own. */
export interface Grant extends GrantRule {
  /** The owner of the key, 12 digits. */
  readonly account: string;
  readonly keyId: string;
  readonly name: string | null;
  readonly createdAt: Date;
  /** The account of whoever made the grant, 12 digits. */
  readonly issuingAccount: string;
  /** The ARN as it was given. */
  readonly grantee: string;
  /** The unique id that the ARN had then: whoever is given the name later gets nothing. */
  readonly granteeId: string;
  readonly retiring: string | null;
  readonly retiringId: string | null;
}

/** Grants that one key may have. */
export const maxGrantsPerKey = 50_000;
const maxPairs = 8;
const maxContextCharacters = 384;

const always = ['CreateGrant', 'DescribeKey', 'RetireGrant'];
const asymmetric = [...always, 'GetPublicKey'];
const symmetricOnly = [
  ...['GenerateDataKey', 'GenerateDataKeyWithoutPlaintext'],
  ...['GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext'],
];
const ciphers = ['Decrypt', 'Encrypt', 'ReEncryptFrom', 'ReEncryptTo'];

/** Operations of keys that have a public half, by usage. */
const ofUsage: Readonly<Record<KeyUsage, readonly string[]>> = {
  ENCRYPT_DECRYPT: [...asymmetric, ...ciphers],
  SIGN_VERIFY: [...asymmetric, 'Sign', 'Verify'],
  GENERATE_VERIFY_MAC: [...always, 'GenerateMac', 'VerifyMac'],
  KEY_AGREEMENT: [...asymmetric, 'DeriveSharedSecret'],
  ENCAPSULATE_DECAPSULATE: [...asymmetric, 'Encapsulate', 'Decapsulate'],
};
const ofSymmetric: readonly string[] = [...always, ...ciphers, ...symmetricOnly];

/** The operations whose requests have an encryption context: only these are constrained. */
const withContext: ReadonlySet<string> = new Set([...ciphers, ...symmetricOnly]);

/**
 * The operations that a grant on this key may allow.
 * https://docs.aws.amazon.com/kms/latest/developerguide/grants.html#terms-grant-operations
 */
export function grantableOperations({ spec, usage }: Pick<Key, 'spec' | 'usage'>): readonly string[] {
  return spec === 'SYMMETRIC_DEFAULT' ? ofSymmetric : ofUsage[usage as KeyUsage];
}

/** Refuses operations and constraints that no grant on this key can have. Errors: Validation. */
export function requireGrantable(
  key: Pick<Key, 'spec' | 'usage'>,
  operations: readonly string[],
  constraint: GrantConstraint,
): void {
  const possible = grantableOperations(key);
  const wrong = operations.filter((operation) => !possible.includes(operation));
  if (wrong.length > 0)
    throw invalid(
      `Grant operations [${wrong.join(', ')}] are not supported by a KMS key with KeySpec ${key.spec} and KeyUsage ${key.usage}.`,
    );
  if (operations.every((operation) => operation === 'CreateGrant'))
    throw invalid('Grants must not contain only the CreateGrant operation.');
  if (!isConstrained(constraint)) return;
  if (key.spec !== 'SYMMETRIC_DEFAULT')
    throw invalid('Encryption context grant constraints are supported for symmetric encryption KMS keys only.');
  for (const [name, pairs] of Object.entries(constraint)) requirePairs(name, pairs as Record<string, string>);
}

function requirePairs(name: string, pairs: Readonly<Record<string, string>>): void {
  const member = `constraints.encryptionContext${name === 'equals' ? 'Equals' : 'Subset'}`;
  const texts = Object.entries(pairs);
  const fail = (what: string): never => {
    throw invalid(`1 validation error detected: Value at '${member}' failed to satisfy constraint: ${what}`);
  };
  // An empty map would be a constraint that constrains nothing, or everything.
  if (texts.length === 0) fail('Member must have length greater than or equal to 1');
  if (texts.length > maxPairs) fail(`Member must have length less than or equal to ${maxPairs}`);
  const characters = texts.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (characters > maxContextCharacters)
    fail(`Member must have at most ${maxContextCharacters} characters of names and values`);
}

/** Refuses one grant too many. Errors: LimitExceeded. */
export function requireRoomForGrant(key: Pick<Key, 'arn'>, grants: number): void {
  if (grants < maxGrantsPerKey) return;
  throw new KeysteadError('LimitExceeded', `The maximum number of grants for the key ${key.arn} has been reached.`);
}

/** True when the grant asks for an encryption context. */
export function isConstrained({ equals, subset }: GrantConstraint): boolean {
  return equals !== undefined || subset !== undefined;
}

/** The pairs that conditions on the encryption context see of a constraint. */
export function constraintContext({ equals, subset }: GrantConstraint): Readonly<Record<string, string>> | undefined {
  return equals || subset ? { ...subset, ...equals } : undefined;
}

/** What a request says that decides whether a grant covers it. */
export interface GrantedRequest {
  /** AWS's GrantOperation. */
  readonly operation: string;
  readonly encryptionContext: Readonly<Record<string, string>>;
  /** For CreateGrant: the grant to be made. */
  readonly child?: Pick<GrantRule, 'operations' | 'constraint'> | undefined;
}

/** True when the grant covers the request; who asks is not considered here. */
export function covers(grant: GrantRule, request: GrantedRequest): boolean {
  const { operation, encryptionContext, child } = request;
  if (!grant.operations.includes(operation)) return false;
  if (operation === 'CreateGrant') return child !== undefined && isWithin(child, grant);
  if (!withContext.has(operation)) return true;
  const { equals, subset } = grant.constraint;
  return (!equals || sameContext(equals, encryptionContext)) && (!subset || includesContext(encryptionContext, subset));
}

/** What all grants of one principal on one key allow, at a cost that does not grow with their number. */
export interface GrantIndex {
  /** How many grants. */
  readonly size: number;
  /** True when one of the grants covers the request. */
  covers(request: GrantedRequest): boolean;
}

/** Prepares grants once for many calls. */
export function grantIndex(rules: readonly GrantRule[]): GrantIndex {
  const unconditional = new Set<string>();
  // By one of the pairs that a context must have: what a request's context does not have is not looked at.
  const byPair = new Map<string, GrantRule[]>();
  const parents: GrantRule[] = [];
  for (const rule of rules) {
    const constrained = isConstrained(rule.constraint);
    for (const operation of rule.operations) {
      if (operation === 'CreateGrant') parents.push(rule);
      else if (!constrained || !withContext.has(operation)) unconditional.add(operation);
    }
    if (constrained) pushTo(byPair, onePair(rule.constraint), rule);
  }
  return {
    size: rules.length,
    covers: (request) => {
      const { operation, encryptionContext } = request;
      if (operation === 'CreateGrant') return parents.some((rule) => covers(rule, request));
      if (unconditional.has(operation)) return true;
      return (
        withContext.has(operation) &&
        Object.entries(encryptionContext).some((pair) =>
          byPair.get(pairText(pair))?.some((rule) => covers(rule, request)),
        )
      );
    },
  };
}

function onePair({ equals, subset }: GrantConstraint): string {
  const [pair = ['', '']] = Object.entries(equals ?? subset ?? {});
  return pairText(pair);
}

const pairText = (pair: readonly [string, string]): string => JSON.stringify(pair);

function pushTo<V>(map: Map<string, V[]>, key: string, value: V): void {
  const there = map.get(key);
  if (there) there.push(value);
  else map.set(key, [value]);
}

/**
 * True when a grant is at most as wide as its parent: no operation more, and a constraint that is the same or stricter.
 * https://docs.aws.amazon.com/kms/latest/developerguide/create-grant-overview.html
 */
export function isWithin(
  child: Pick<GrantRule, 'operations' | 'constraint'>,
  parent: Pick<GrantRule, 'operations' | 'constraint'>,
): boolean {
  if (!child.operations.every((operation) => parent.operations.includes(operation))) return false;
  const { equals, subset } = parent.constraint;
  const own = child.constraint;
  if (equals && !(own.equals && sameContext(equals, own.equals))) return false;
  // Whatever the child requires to be there is there in every context that it allows.
  return !subset || [own.equals, own.subset].some((pairs) => pairs !== undefined && includesContext(pairs, subset));
}

/** Names and values as they are, with their case: the stricter of AWS's two descriptions (ADR 0035). */
function includesContext(context: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => Object.hasOwn(context, name) && context[name] === value);
}

function sameContext(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return Object.keys(a).length === Object.keys(b).length && includesContext(a, b);
}

/** AWS's answer for a grant that is not there. */
export function grantNotFound(id: string): KeysteadError {
  return new KeysteadError('NotFound', `Grant ID ${id} not found`);
}

/** Refuses what cannot be the id of a grant. Errors: InvalidGrantId. */
export function requireGrantId(id: string): void {
  if (!/^[0-9a-f]{64}$/.test(id)) throw new KeysteadError('InvalidGrantId', `Invalid grant ID ${id}`);
}

function invalid(message: string): KeysteadError {
  return new KeysteadError('Validation', message);
}
