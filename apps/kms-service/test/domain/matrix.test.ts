import { compileBundle, compilePolicy, type PolicyPrincipal, type PrincipalPolicies } from '@keystead/policy';
import { BundlePolicy_Source } from '@keystead/proto/iam';
import { describe, expect, test } from 'vitest';
import {
  naiveDecision,
  type NaiveDocument,
  type NaivePrincipal,
  type NaiveRequest,
} from '../../../../libs/policy/test/naive/evaluator.js';
import { decide, decideGranted, type Question } from '../../src/domain/authorization.js';
import { kmsValues } from '../../src/domain/conditions.js';
import { constraints } from '../../src/domain/constraints.js';
import { key } from './keys.js';

// Every operation, principal, source of a policy, effect and condition through decide() and through the naive evaluator,
// which knows nothing of it.

const stored = key();
const { account } = stored;
const other = '444455556666';

/** What a policy says of the request: nothing, or an effect whose condition is met or is not. */
const states = ['silent', 'allow, met', 'allow, unmet', 'deny, met', 'deny, unmet'] as const;
type State = (typeof states)[number];

/** By key policy naming the caller, by its delegation to the account, and by what limits or allows the caller. */
interface Situation {
  readonly direct: State;
  readonly delegation: State;
  readonly identity: State;
  readonly group: State;
  /** Undefined when there is none: a boundary that is silent allows nothing. */
  readonly boundary: State | undefined;
  readonly session: State | undefined;
}

const userArn = (owner: string): string => `arn:aws:iam::${owner}:user/alice`;
const roleArn = (owner: string): string => `arn:aws:iam::${owner}:role/app`;
const user = (owner: string): NaivePrincipal => ({
  ...{ kind: 'user', account: owner, arn: userOf(owner), id: 'AIDAALICE00000000000A' },
});
const userOf = userArn;
const session = (owner: string): NaivePrincipal => ({
  ...{ kind: 'session', account: owner, arn: `arn:aws:sts::${owner}:assumed-role/app/s1`, roleArn: roleArn(owner) },
  ...{ roleId: 'AROAAPP0000000000000A', sessionName: 's1' },
});

/** How a key policy names each caller directly. */
const callers: readonly {
  readonly name: string;
  readonly principal: NaivePrincipal;
  readonly named: object | string;
}[] = [
  { name: 'root', principal: { kind: 'root', account }, named: { AWS: account } },
  { name: 'user', principal: user(account), named: { AWS: userArn(account) } },
  { name: 'user by unique id', principal: user(account), named: { AWS: 'AIDAALICE00000000000A' } },
  { name: 'session by its role', principal: session(account), named: { AWS: roleArn(account) } },
  {
    name: 'session itself',
    principal: session(account),
    named: { AWS: `arn:aws:sts::${account}:assumed-role/app/s1` },
  },
  { name: 'session as anyone', principal: session(account), named: '*' },
  {
    name: 'service',
    principal: { kind: 'service', account, name: 's3.amazonaws.com' },
    named: { Service: 's3.amazonaws.com' },
  },
  { name: 'root of another account', principal: { kind: 'root', account: other }, named: { AWS: other } },
  { name: 'user of another account', principal: user(other), named: { AWS: userArn(other) } },
  { name: 'session of another account', principal: session(other), named: { AWS: roleArn(other) } },
];
type Caller = (typeof callers)[number];

/** https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html */
const acrossAccounts = new Set([
  ...['Decrypt', 'DeriveSharedSecret', 'DescribeKey', 'Encrypt', 'GenerateDataKey', 'GenerateDataKeyPair'],
  ...['GenerateDataKeyPairWithoutPlaintext', 'GenerateDataKeyWithoutPlaintext', 'GenerateMac', 'GetKeyRotationStatus'],
  ...['GetPublicKey', 'ReEncryptFrom', 'ReEncryptTo', 'Sign', 'Verify', 'VerifyMac', 'CreateGrant', 'ListGrants'],
  ...['RevokeGrant', 'Encapsulate', 'Decapsulate'],
]);

/** Decided by identity policies alone: there is no key, or its owner does not matter. */
const withoutKey = new Set(['CreateKey', 'ListKeys', 'ListAliases', 'GenerateRandom', 'ListRetirableGrants']);
const operations = [
  ...Object.keys(constraints).filter((operation) => operation !== 'ReEncrypt'),
  ...['ReEncryptFrom', 'ReEncryptTo', 'GenerateRandom'],
].filter((operation, index, all) => all.indexOf(operation) === index);

const team = { 'kms:EncryptionContext:team': 'red' };

function statement(state: State, action: string, resource: string, more: object): object[] {
  if (state === 'silent') return [];
  const [effect, condition] = state.split(', ');
  return [
    {
      ...{ Effect: effect === 'allow' ? 'Allow' : 'Deny', Action: action, Resource: resource, ...more },
      Condition: { StringEquals: condition === 'met' ? team : { 'kms:EncryptionContext:team': 'blue' } },
    },
  ];
}

/** A document needs a statement: this one is about something else. */
const elsewhere = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };

const document = (...statements: object[]): NaiveDocument =>
  ({ Version: '2012-10-17', Statement: statements }) as NaiveDocument;

interface Documents {
  readonly keyPolicy: NaiveDocument | undefined;
  readonly identity: NaiveDocument;
  readonly group: NaiveDocument;
  readonly boundary: NaiveDocument | undefined;
  readonly session: NaiveDocument | undefined;
}

function documents(situation: Situation, operation: string, { principal, named }: Caller): Documents {
  const action = `kms:${operation}`;
  const says = (state: State): NaiveDocument => document(elsewhere, ...statement(state, action, '*', {}));
  const root = { Principal: { AWS: `arn:aws:iam::${principal.account}:root` } };
  const keyPolicy = document(
    ...[{ ...elsewhere, Principal: '*' }, ...statement(situation.direct, action, '*', { Principal: named })],
    ...statement(situation.delegation, action, '*', root),
  );
  return {
    keyPolicy: withoutKey.has(operation) ? undefined : keyPolicy,
    ...{ identity: says(situation.identity), group: says(situation.group) },
    boundary: situation.boundary && says(situation.boundary),
    session: situation.session && says(situation.session),
  };
}

function naive(operation: string, { principal }: Caller, given: Documents): string {
  const keyless = given.keyPolicy === undefined;
  if (!keyless && principal.account !== account && !acrossAccounts.has(operation)) return 'ImplicitDeny';
  return naiveDecision({
    ...{ principal, action: `kms:${operation}`, resource: keyless ? '*' : stored.arn },
    resourceAccount: keyless ? principal.account : account,
    context: { 'kms:encryptioncontext:team': 'red' },
    ...identityOf(principal, given),
    resourcePolicy: given.keyPolicy,
    keyPolicyDecides: !keyless,
  });
}

function identityOf(
  principal: NaivePrincipal,
  { identity, group, boundary, session: limit }: Documents,
): Pick<NaiveRequest, 'identity' | 'boundary' | 'session'> {
  if (principal.kind === 'root' || principal.kind === 'service') return { identity: [] };
  const limits = principal.kind === 'session' && limit !== undefined ? { session: [limit] } : {};
  return { identity: principal.kind === 'user' ? [identity, group] : [identity], boundary, ...limits };
}

function question(operation: string, { principal }: Caller, given: Documents): Question {
  const keyless = given.keyPolicy === undefined;
  const about = keyless ? undefined : { key: stored, tags: [], aliases: [] };
  const caller = { account: principal.account, viaService: undefined };
  return {
    ...{ action: `kms:${operation}`, principal: enginePrincipal(principal), policies: policiesOf(principal, given) },
    readings: [kmsValues({ encryptionContext: { team: 'red' } }, caller, about)],
    ...{ resource: keyless ? '*' : stored.arn, account: keyless ? principal.account : account },
    keyPolicy:
      given.keyPolicy &&
      compiled('key policy', given.keyPolicy, (json) => compilePolicy(json, { kind: 'resource', name: 'key policy' })),
  };
}

/** The bundle as iam-service sends it, and the session policy of the call. */
function policiesOf(principal: NaivePrincipal, given: Documents): PrincipalPolicies {
  const own = identityOf(principal, given);
  const [identity, group] = own.identity;
  const policy = (source: BundlePolicy_Source, json: NaiveDocument | undefined) =>
    json === undefined ? [] : [{ source, name: 'p', group: '', document: JSON.stringify(json) }];
  const policies = [
    ...policy(BundlePolicy_Source.SOURCE_USER_MANAGED, identity),
    ...policy(BundlePolicy_Source.SOURCE_GROUP_INLINE, group),
    ...policy(BundlePolicy_Source.SOURCE_BOUNDARY, own.boundary),
  ];
  const bundle = compiled('bundle', policies, () =>
    compileBundle({ principal: undefined, policies, tags: {}, sequence: 0n }),
  );
  const limits = own.session?.map((json) =>
    compiled('session', json, (text) => compilePolicy(text, { kind: 'session', name: 's' })),
  );
  return limits === undefined ? bundle : { ...bundle, session: limits };
}

const cache = new Map<string, unknown>();

function compiled<T>(what: string, of: unknown, make: (json: string) => T): T {
  const json = JSON.stringify(of);
  const known = cache.get(what + json) as T | undefined;
  if (known !== undefined) return known;
  const made = make(json);
  cache.set(what + json, made);
  return made;
}

function enginePrincipal(principal: NaivePrincipal): PolicyPrincipal {
  const { account: owner } = principal;
  switch (principal.kind) {
    case 'root':
      return { arn: `arn:aws:iam::${owner}:root`, account: owner, uniqueId: owner, isRoot: true };
    case 'user':
      return { arn: principal.arn, account: owner, uniqueId: principal.id };
    case 'session':
      return {
        arn: principal.arn,
        account: owner,
        roleArn: principal.roleArn,
        uniqueId: `${principal.roleId}:${principal.sessionName}`,
      };
    case 'service':
      return { arn: principal.name, account: owner, isService: true };
  }
}

const nothing: Situation = {
  ...{ direct: 'silent', delegation: 'silent', identity: 'silent', group: 'silent' },
  ...{ boundary: undefined, session: undefined },
};
const everything: Situation = {
  ...{ direct: 'allow, met', delegation: 'allow, met', identity: 'allow, met', group: 'allow, met' },
  ...{ boundary: 'allow, met', session: 'allow, met' },
};
const delegated: Situation = { ...everything, direct: 'silent' };
const sources = Object.keys(nothing) as (keyof Situation)[];

/** Compares, and counts the answers: a matrix that only ever refuses would show nothing. */
function compare(operation: string, caller: Caller, situation: Situation, answers: Map<string, number>): void {
  const given = documents(situation, operation, caller);
  const wanted = naive(operation, caller, given);
  const { effect } = decide(question(operation, caller, given));
  if (effect !== wanted)
    expect({ operation, caller: caller.name, situation, effect }).toEqual({
      operation,
      caller: caller.name,
      situation,
      effect: wanted,
    });
  answers.set(effect, (answers.get(effect) ?? 0) + 1);
}

test.each(callers)('every operation, each source by itself: $name', (caller) => {
  const answers = new Map<string, number>();
  for (const operation of operations)
    for (const base of [nothing, everything, delegated])
      for (const source of sources)
        for (const state of states) compare(operation, caller, { ...base, [source]: state }, answers);
  expect([...answers.keys()].sort()).toEqual(['Allow', 'ExplicitDeny', 'ImplicitDeny']);
});

describe('all sources together', () => {
  const most: readonly State[] = ['silent', 'allow, met', 'deny, met'];
  const limits: readonly (State | undefined)[] = [undefined, 'silent', 'allow, met', 'allow, unmet', 'deny, met'];

  /** Encrypt may be used across accounts, ScheduleKeyDeletion may not, CreateKey has no key. */
  test.each(['Encrypt', 'ScheduleKeyDeletion', 'CreateKey'])('%s', (operation) => {
    const answers = new Map<string, number>();
    for (const caller of callers)
      for (const direct of states)
        for (const delegation of most)
          for (const identity of states)
            for (const group of most)
              for (const boundary of limits)
                for (const limit of caller.principal.kind === 'session' ? limits : [undefined])
                  compare(
                    operation,
                    caller,
                    { direct, delegation, identity, group, boundary, session: limit },
                    answers,
                  );
    expect([...answers.keys()].sort()).toEqual(['Allow', 'ExplicitDeny', 'ImplicitDeny']);
  });
});

/**
 * A grant allows its grantee whatever the identity policies say, but for an explicit Deny; granted to a role, its sessions
 * stay within their limits; granted to an account, its identity policies decide who may.
 * https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
 */
test.each(['self', 'role', 'account'] as const)('a grant to the caller: %s', (named) => {
  const effects = new Set<string>();
  for (const caller of callers.filter(({ principal }) => principal.kind === (named === 'role' ? 'session' : 'user')))
    for (const identity of states)
      for (const boundary of [undefined, ...states])
        for (const limit of [undefined, ...states]) {
          const given = documents({ ...nothing, identity, boundary, session: limit }, 'Encrypt', caller);
          const own = identityOf(caller.principal, given);
          const all = [...own.identity, ...(own.boundary ? [own.boundary] : []), ...(own.session ?? [])];
          const saysOf = (effect: string, one: NaiveDocument): boolean =>
            one.Statement.some(
              (each) =>
                each.Effect === effect && each.Action !== 's3:GetObject' && JSON.stringify(each).includes('red'),
            );
          const within = [own.boundary, own.session?.[0]].every((one) => one === undefined || saysOf('Allow', one));
          const byIdentity = own.identity.some((one) => saysOf('Allow', one));
          const allowed = { self: true, role: within, account: within && byIdentity }[named];
          const wanted = all.some((one) => saysOf('Deny', one)) ? 'ExplicitDeny' : allowed ? 'Allow' : 'ImplicitDeny';
          const { effect } = decideGranted(question('Encrypt', caller, given), named);
          expect({ identity, boundary, limit, effect }).toEqual({ identity, boundary, limit, effect: wanted });
          effects.add(effect);
        }
  expect(effects.has('Allow') && effects.has('ExplicitDeny')).toBe(true);
});
