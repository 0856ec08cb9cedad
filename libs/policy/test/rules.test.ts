import { describe, expect, test } from 'vitest';
import {
  accessDeniedMessage,
  compilePolicy,
  contextValues,
  evaluate,
  trace,
  type AuthorizationRequest,
  type PolicyKind,
} from '../src/index.js';

// The rules of AWS's evaluation that are easily got wrong, one by one; rule 11, the limits, is iam-service's own.

const account = '111122223333';
const other = '444455556666';
const key = `arn:aws:kms:us-east-1:${account}:key/1`;
const alice = { arn: `arn:aws:iam::${account}:user/alice`, account, uniqueId: 'AIDAALICE00000000000A' };
const bob = { arn: `arn:aws:iam::${account}:user/bob`, account, uniqueId: 'AIDABOB0000000000000A' };
const role = `arn:aws:iam::${account}:role/app`;
const session = {
  ...{ arn: `arn:aws:sts::${account}:assumed-role/app/s1`, account, roleArn: role },
  uniqueId: 'AROAAPP0000000000000A:s1',
};
const root = { arn: `arn:aws:iam::${account}:root`, account, uniqueId: account, isRoot: true };

const policy = (kind: PolicyKind, ...Statement: object[]) =>
  compilePolicy(JSON.stringify({ Version: '2012-10-17', Statement }), { kind, name: kind });
const allow = (more: object = {}) => ({ Effect: 'Allow', Action: '*', Resource: '*', ...more });
const deny = (more: object = {}) => ({ Effect: 'Deny', Action: '*', Resource: '*', ...more });
const to = (...AWS: string[]) => ({ Principal: { AWS } });
const delegation = policy('resource', allow(to(root.arn)));
const all = [policy('identity', allow())];
const nothing = policy('boundary', allow({ Action: 'ec2:*' }));

const request = (more: Partial<AuthorizationRequest>): AuthorizationRequest => ({
  ...{ action: 'kms:Encrypt', resource: key, resourceAccount: account, principal: alice, identity: [] },
  ...{ values: contextValues({}), resourcePolicyDecides: true, resourcePolicy: delegation, ...more },
});
const ask = (more: Partial<AuthorizationRequest>) => evaluate(request(more)).effect;

describe('1. default deny, and an explicit deny in any policy ends it', () => {
  test('nothing allows', () => {
    expect(ask({})).toBe('ImplicitDeny');
    expect(ask({ identity: all })).toBe('Allow');
  });
  test.each<[string, Partial<AuthorizationRequest>]>([
    ['resource', { resourcePolicy: policy('resource', allow(to(alice.arn)), deny(to(alice.arn))) }],
    ['boundary', { boundary: policy('boundary', allow(), deny()) }],
    ['session', { session: [policy('session', allow()), policy('session', allow(), deny())] }],
    ['identity', { identity: [...all, policy('identity', deny())] }],
  ])('in %s', (policyType, more) => {
    const decision = evaluate(
      request({ identity: all, resourcePolicy: policy('resource', allow(to(alice.arn))), ...more }),
    );
    expect(decision).toMatchObject({ effect: 'ExplicitDeny', policyType });
  });
});

describe('2. whom a resource policy names decides what limits it', () => {
  const limits = { boundary: nothing, session: [nothing] };
  test.each<[string, AuthorizationRequest['principal'], object, string]>([
    ['the user', alice, to(alice.arn), 'Allow'],
    ['the user by id', alice, to(alice.uniqueId), 'Allow'],
    ['the session', session, to(session.arn), 'Allow'],
    ['everyone', session, { Principal: '*' }, 'Allow'],
    ['the role', session, to(role), 'ImplicitDeny'],
    ['the role by id', session, to('AROAAPP0000000000000A'), 'ImplicitDeny'],
    ['the account', session, to(account), 'ImplicitDeny'],
  ])('%s', (_name, principal, named, expected) => {
    const asked = { principal, identity: all, resourcePolicy: policy('resource', allow(named)) };
    expect(ask(asked)).toBe('Allow');
    expect(ask({ ...asked, ...limits })).toBe(expected);
  });
});

describe('3. elements with Not', () => {
  const except = (...listed: string[]) => ({
    ...{ identity: all, values: contextValues({}) },
    resourcePolicy: policy('resource', allow(to(account)), { ...deny(), NotPrincipal: { AWS: listed } }),
  });
  test('NotAction and NotResource allow everything else, in other services too', () => {
    const identity = [
      policy('identity', { Effect: 'Allow', NotAction: 'iam:*', NotResource: 'arn:aws:s3:::secret/*' }),
    ];
    const anywhere = { identity, resourcePolicy: undefined, resourcePolicyDecides: false };
    expect(ask(anywhere)).toBe('Allow');
    expect(ask({ ...anywhere, action: 's3:GetObject', resource: 'arn:aws:s3:::b/k' })).toBe('Allow');
    expect(ask({ ...anywhere, action: 's3:GetObject', resource: 'arn:aws:s3:::secret/k' })).toBe('ImplicitDeny');
    expect(ask({ ...anywhere, action: 'iam:GetUser' })).toBe('ImplicitDeny');
  });
  test('NotPrincipal exempts who is listed with its account', () => {
    expect(ask(except(alice.arn, root.arn))).toBe('Allow');
    expect(ask(except(alice.arn, account))).toBe('Allow');
    expect(ask(except(alice.arn))).toBe('ExplicitDeny');
    // The account alone exempts only its root user.
    expect(ask({ ...except(alice.arn, root.arn), principal: bob })).toBe('ExplicitDeny');
    expect(ask({ ...except(root.arn), principal: root })).toBe('Allow');
  });
  test('a session is exempt by its role and its account', () => {
    expect(ask({ ...except(role, root.arn), principal: session })).toBe('Allow');
    expect(ask({ ...except(role, root.arn, session.arn), principal: session })).toBe('Allow');
    expect(ask({ ...except(session.arn, root.arn), principal: session })).toBe('ExplicitDeny');
    expect(ask({ ...except(role), principal: session })).toBe('ExplicitDeny');
  });
  test('nobody with a boundary is exempt', () => {
    expect(ask({ ...except(alice.arn, root.arn), boundary: policy('boundary', allow()) })).toBe('ExplicitDeny');
  });
});

const conditioned = (condition: object, values: Record<string, string | string[]>, Version = '2012-10-17') => {
  const json = JSON.stringify({ Version, Statement: [allow({ Condition: condition })] });
  const identity = [compilePolicy(json, { kind: 'identity', name: 'p' })];
  return ask({ identity, values: contextValues(values) }) === 'Allow';
};

describe('4. conditions are all needed, their values are alternatives, negated ones exclude all', () => {
  const holds = (Condition: object, values: Record<string, string | string[]>): boolean => {
    const Statement = { Effect: 'Allow', Action: '*', Resource: '*', Condition };
    return ask({ identity: [policy('identity', Statement)], values: contextValues(values) }) === 'Allow';
  };
  const request = { 'aws:username': 'alice', 'aws:PrincipalTag/team': 'blue' };

  test.each<[object, boolean]>([
    [{ StringEquals: { 'aws:username': ['bob', 'alice'] } }, true],
    [{ StringEquals: { 'aws:username': 'alice', 'aws:PrincipalTag/team': 'red' } }, false],
    [{ StringEquals: { 'aws:username': 'alice' }, StringLike: { 'aws:PrincipalTag/team': 'bl*' } }, true],
    [{ StringEquals: { 'aws:username': 'alice' }, StringLike: { 'aws:PrincipalTag/team': 're*' } }, false],
    [{ StringNotEquals: { 'aws:username': ['bob', 'carol'] } }, true],
    [{ StringNotEquals: { 'aws:username': ['bob', 'alice'] } }, false],
  ])('%j: %s', (condition, expected) => {
    expect(holds(condition, request)).toBe(expected);
  });

  test.each(['ArnEquals', 'ArnLike'])('%s keeps wildcards inside of their part of the ARN', (operator) => {
    const like = (pattern: string): boolean =>
      holds({ [operator]: { 'aws:PrincipalArn': pattern } }, { 'aws:PrincipalArn': alice.arn });
    expect(like(`arn:aws:iam::${account}:user/*`)).toBe(true);
    expect(like('arn:aws:iam::*:user/alic?')).toBe(true);
    expect(like('arn:*:user/alice')).toBe(false);
    expect(like('arn:aws:*/alice')).toBe(false);
  });

  test('6. keys with several values are asked with set operators', () => {
    const names = { 'kms:EncryptionContextKeys': ['team', 'app'] };
    const asked = (operator: string, wanted: string[]): boolean =>
      holds({ [operator]: { 'kms:EncryptionContextKeys': wanted } }, names);
    expect(asked('ForAnyValue:StringEquals', ['team', 'x'])).toBe(true);
    expect(asked('ForAnyValue:StringEquals', ['x'])).toBe(false);
    expect(asked('ForAllValues:StringEquals', ['team', 'app', 'x'])).toBe(true);
    expect(asked('ForAllValues:StringEquals', ['team'])).toBe(false);
    expect(asked('ForAnyValue:StringNotEquals', ['team'])).toBe(true);
    expect(asked('ForAllValues:StringNotEquals', ['team'])).toBe(false);
  });
});

describe('5. a missing key', () => {
  test.each([
    ['StringEquals', false],
    ['StringLike', false],
    ['StringNotEquals', true],
    ['StringNotLike', true],
    ['StringNotEqualsIgnoreCase', true],
    ['StringEqualsIfExists', true],
    ['StringNotEqualsIfExists', true],
    ['ForAllValues:StringEquals', true],
    ['ForAllValues:StringNotEquals', true],
    ['ForAnyValue:StringEquals', false],
    ['ForAnyValue:StringNotEquals', false],
    ['ForAnyValue:StringEqualsIfExists', true],
  ])('%s: %s', (operator, expected) => {
    expect(conditioned({ [operator]: { 'aws:TagKeys': 'x' } }, {})).toBe(expected);
    // A key with no values is as good as missing.
    expect(conditioned({ [operator]: { 'aws:TagKeys': 'x' } }, { 'aws:TagKeys': [] })).toBe(expected);
  });
  test.each([
    ['Bool', { 'aws:SecureTransport': 'true' }, false],
    ['NumericLessThan', { 'kms:RotationPeriodInDays': '1' }, false],
    ['NumericNotEquals', { 'kms:RotationPeriodInDays': '1' }, true],
    ['DateNotEquals', { 'aws:CurrentTime': '2026-01-01' }, true],
    ['NotIpAddress', { 'aws:SourceIp': '10.0.0.0/8' }, true],
    ['ArnNotLike', { 'aws:PrincipalArn': 'arn:aws:iam::*:*' }, true],
    ['ArnLike', { 'aws:PrincipalArn': 'arn:aws:iam::*:*' }, false],
    ['Null', { 'aws:username': 'true' }, true],
    ['Null', { 'aws:username': 'false' }, false],
  ])('%s %j: %s', (operator, keys, expected) => {
    expect(conditioned({ [operator]: keys }, {})).toBe(expected);
  });
  test('ForAllValues with Null asks for a value', () => {
    const both = { 'ForAllValues:StringEquals': { 'aws:TagKeys': 'x' }, Null: { 'aws:TagKeys': 'false' } };
    expect(conditioned(both, {})).toBe(false);
    expect(conditioned(both, { 'aws:TagKeys': ['x'] })).toBe(true);
    expect(conditioned(both, { 'aws:TagKeys': ['x', 'y'] })).toBe(false);
  });
});

describe('7. variables belong to the new version', () => {
  const own = { StringEquals: { 'kms:EncryptionContext:owner': '${aws:username}' } };
  test('and are text in the old', () => {
    const values = { 'kms:EncryptionContext:owner': 'alice', 'aws:username': 'alice' };
    expect(conditioned(own, values)).toBe(true);
    expect(conditioned(own, values, '2008-10-17')).toBe(false);
    expect(conditioned(own, { 'kms:EncryptionContext:owner': '${aws:username}' }, '2008-10-17')).toBe(true);
  });
  test('in Resource a variable without a value matches nothing, in NotResource it excludes nothing', () => {
    const mine = 'arn:aws:kms:*:*:key/${aws:PrincipalTag/key}';
    const tagged = contextValues({ 'aws:PrincipalTag/key': '1' });
    const identity = [policy('identity', allow({ Resource: mine }))];
    expect(ask({ identity, values: tagged })).toBe('Allow');
    expect(ask({ identity })).toBe('ImplicitDeny');
    const guarded = [...all, policy('identity', { Effect: 'Deny', Action: '*', NotResource: mine })];
    expect(ask({ identity: guarded, values: tagged })).toBe('Allow');
    expect(ask({ identity: guarded })).toBe('ExplicitDeny');
  });
});

test('8. actions and names of keys know no case, resources and values do', () => {
  const values = contextValues({ 'aws:username': 'alice' });
  const identity = (more: object) => ({ values, identity: [policy('identity', allow(more))] });
  expect(ask(identity({ Action: 'KMS:eNCRYPT' }))).toBe('Allow');
  expect(ask(identity({ Resource: key.toUpperCase().replace('ARN:AWS:KMS', 'arn:aws:kms') }))).toBe('ImplicitDeny');
  expect(ask(identity({ Condition: { stringequals: { 'AWS:USERNAME': 'alice' } } }))).toBe('Allow');
  expect(ask(identity({ Condition: { StringEquals: { 'aws:username': 'Alice' } } }))).toBe('ImplicitDeny');
});

describe('9. wildcards', () => {
  test.each<[string, string, boolean]>([
    ['kms:*', 'kms:Encrypt', true],
    ['kms:Enc?ypt', 'kms:Encrypt', true],
    ['kms:*Key', 'kms:GenerateDataKeyPair', false],
    ['*:Encrypt', 'kms:Encrypt', true],
  ])('%s and %s: %s', (Action, action, expected) => {
    const identity = [policy('identity', { Effect: 'Allow', Action, Resource: '*' })];
    expect(ask({ action, identity }) === 'Allow').toBe(expected);
  });

  test.each([`arn:aws:iam::${account}:user/*`, `arn:aws:iam::${account}:*`, 'arn:aws:iam::*:root', 'ali*'])(
    'a principal is everyone or somebody, never %s',
    (AWS) => {
      expect(() => policy('resource', { Effect: 'Allow', Principal: { AWS }, Action: '*', Resource: '*' })).toThrow(
        'Policy contains a statement with one or more invalid principals.',
      );
    },
  );

  test('everyone in a trust policy has an identity: no bearer of a token is meant', () => {
    const trust = policy('trust', { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:*' });
    const trusted = (principal: AuthorizationRequest['principal']): string =>
      ask({ action: 'sts:AssumeRole', principal, resourcePolicy: trust, resourcePolicyDecides: true });
    expect(trusted(alice)).toBe('Allow');
    expect(trusted({ arn: `arn:aws:iam::${account}:oidc-provider/x`, account, isFederated: true })).toBe(
      'ImplicitDeny',
    );
    expect(trusted({ arn: 'ec2.amazonaws.com', account, isService: true })).toBe('ImplicitDeny');
  });
});

test('10. boundaries limit identity policies, and the root user has neither', () => {
  expect(ask({ identity: all, boundary: nothing })).toBe('ImplicitDeny');
  expect(ask({ boundary: policy('boundary', allow()) })).toBe('ImplicitDeny');
  expect(ask({ identity: all, boundary: policy('boundary', allow({ Action: 'kms:*' })) })).toBe('Allow');
  expect(ask({ principal: root })).toBe('Allow');
});

test('12. tags of the caller, the resource and the request', () => {
  const same = { StringEquals: { 'aws:ResourceTag/team': '${aws:PrincipalTag/team}' } };
  expect(conditioned(same, { 'aws:ResourceTag/team': 'red', 'aws:PrincipalTag/team': 'red' })).toBe(true);
  expect(conditioned(same, { 'aws:ResourceTag/team': 'red', 'aws:PrincipalTag/team': 'blue' })).toBe(false);
  const only = {
    StringEquals: { 'aws:RequestTag/team': 'red' },
    'ForAllValues:StringEquals': { 'aws:TagKeys': ['team'] },
  };
  expect(conditioned(only, { 'aws:RequestTag/team': 'red', 'aws:TagKeys': ['team'] })).toBe(true);
  expect(conditioned(only, { 'aws:RequestTag/team': 'red', 'aws:TagKeys': ['team', 'x'] })).toBe(false);
});

test('13. a session is its role, by ARN and by id, and no other', () => {
  const named = (name: string) => ask({ principal: session, resourcePolicy: policy('resource', allow(to(name))) });
  expect(named(role)).toBe('Allow');
  expect(named('AROAAPP0000000000000A')).toBe('Allow');
  expect(named(session.arn)).toBe('Allow');
  expect(named(`${role}2`)).toBe('ImplicitDeny');
  expect(named(`arn:aws:sts::${account}:assumed-role/app/s2`)).toBe('ImplicitDeny');
});

test('14. a simulation has one of three answers, and the statements behind it', () => {
  const denied = trace(request({ identity: [...all, policy('identity', allow(), deny({ Sid: 'No' }))] }));
  expect([denied.decision.effect, denied.matched.map(({ sid }) => sid)]).toEqual(['ExplicitDeny', ['No']]);
  expect(trace(request({})).matched).toEqual([expect.objectContaining({ type: 'resource' })]);
});

describe('15. a refusal names the kind of policy', () => {
  const foreign = { arn: `arn:aws:iam::${other}:user/eve`, account: other };
  const why = (more: Partial<AuthorizationRequest>) => {
    const asked = request(more);
    const decision = evaluate(asked);
    return accessDeniedMessage({ principalArn: 'P', action: 'kms:Encrypt', resource: 'R', decision }).split(' R ')[1];
  };
  test.each<[Partial<AuthorizationRequest>, string]>([
    [{}, 'because no identity-based policy allows the kms:Encrypt action'],
    [{ principal: foreign, identity: all }, 'because no resource-based policy allows the kms:Encrypt action'],
    [{ identity: all, boundary: nothing }, 'because no permissions boundary allows the kms:Encrypt action'],
    [
      { principal: session, identity: all, session: [nothing] },
      'because no session policy allows the kms:Encrypt action',
    ],
    [{ identity: [policy('identity', deny())] }, 'with an explicit deny in an identity-based policy'],
    [{ resourcePolicy: policy('resource', deny(to(alice.arn))) }, 'with an explicit deny in a resource-based policy'],
    [{ boundary: policy('boundary', deny()) }, 'with an explicit deny in a permissions boundary'],
    [{ session: [policy('session', deny())] }, 'with an explicit deny in a session policy'],
  ])('%#', (more, sentence) => {
    expect(why(more)).toBe(sentence);
  });

  test.each(['arn:aws:iam::000000000000:policy/team/No', 'arn:aws:iam::aws:policy/AWSDenyAll'])(
    'and a managed policy that denies: %s',
    (arn) => {
      const denying = (kind: 'identity' | 'boundary', name: string) => {
        const document = JSON.stringify({
          Version: '2012-10-17',
          Statement: { Effect: 'Deny', Action: '*', Resource: '*' },
        });
        return compilePolicy(document, { kind, name });
      };
      const inIdentity = `with an explicit deny in an identity-based policy: ${arn}`;
      expect(why({ identity: [denying('identity', arn)] })).toBe(inIdentity);
      expect(why({ identity: [denying('identity', `group/${arn}`)] })).toBe(inIdentity);
      expect(why({ boundary: denying('boundary', arn) })).toBe(
        `with an explicit deny in a permissions boundary: ${arn}`,
      );
    },
  );

  test('and no resource where the service names none', () => {
    const decision = evaluate(request({}));
    const sentence = accessDeniedMessage({ principalArn: 'P', action: 's3:ListAllMyBuckets', decision });
    expect(sentence).toBe(
      'User: P is not authorized to perform: s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action',
    );
  });
});
