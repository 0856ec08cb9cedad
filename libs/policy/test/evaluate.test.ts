import { describe, expect, test } from 'vitest';
import {
  accessDeniedMessage,
  compilePolicy,
  contextValues,
  evaluate,
  type AuthorizationRequest,
  type PolicyKind,
} from '../src/index.js';

const account = '111122223333';
const other = '444455556666';
const alice = { arn: `arn:aws:iam::${account}:user/alice`, account, uniqueId: 'AIDAALICE00000000000A' };
const session = {
  arn: `arn:aws:sts::${account}:assumed-role/app/s1`,
  account,
  uniqueId: 'AROAAPP0000000000000A:s1',
  roleArn: `arn:aws:iam::${account}:role/app`,
};
const root = { arn: `arn:aws:iam::${account}:root`, account, isRoot: true };
const key = `arn:aws:kms:us-east-1:${account}:key/1`;

const policy = (kind: PolicyKind, ...statements: object[]) =>
  compilePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }), { kind, name: kind });
const allow = (Action: string | string[], more: object = {}) => ({ Effect: 'Allow', Action, Resource: '*', ...more });
const deny = (Action: string | string[], more: object = {}) => ({ Effect: 'Deny', Action, Resource: '*', ...more });
const to = (...AWS: string[]) => ({ Principal: { AWS } });
const delegation = policy('resource', allow('kms:*', to(root.arn)));

function ask(more: Partial<AuthorizationRequest>) {
  return evaluate({
    action: 'kms:Encrypt',
    resource: key,
    resourceAccount: account,
    principal: alice,
    values: contextValues({}),
    identity: [],
    resourcePolicyDecides: true,
    ...more,
  });
}

describe('a KMS key in the same account', () => {
  test('delegation lets the identity policies decide', () => {
    expect(ask({ resourcePolicy: delegation })).toEqual({ effect: 'ImplicitDeny', policyType: 'identity' });
    expect(ask({ resourcePolicy: delegation, identity: [policy('identity', allow('kms:Encrypt'))] }).effect).toBe(
      'Allow',
    );
  });

  test('without delegation the identity policies do not count', () => {
    const resourcePolicy = policy('resource', allow('kms:*', to(`arn:aws:iam::${account}:user/bob`)));
    const decision = ask({ resourcePolicy, identity: [policy('identity', allow('*'))] });
    expect(decision).toEqual({ effect: 'ImplicitDeny', policyType: 'resource' });
  });

  test('a statement that names the user suffices, and boundaries do not limit it', () => {
    const resourcePolicy = policy('resource', allow('kms:Encrypt', to(alice.arn)));
    expect(ask({ resourcePolicy }).effect).toBe('Allow');
    expect(ask({ resourcePolicy, boundary: policy('boundary', allow('s3:*')) }).effect).toBe('Allow');
  });

  test('a statement that names the role is limited by boundary and session policy, one that names the session is not', () => {
    const boundary = policy('boundary', allow('s3:*'));
    const byRole = policy('resource', allow('kms:Encrypt', to(session.roleArn)));
    const bySession = policy('resource', allow('kms:Encrypt', to(session.arn)));
    expect(ask({ principal: session, resourcePolicy: byRole }).effect).toBe('Allow');
    expect(ask({ principal: session, resourcePolicy: byRole, boundary })).toMatchObject({ policyType: 'boundary' });
    expect(
      ask({ principal: session, resourcePolicy: byRole, session: [policy('session', allow('s3:*'))] }),
    ).toMatchObject({
      effect: 'ImplicitDeny',
      policyType: 'session',
    });
    expect(ask({ principal: session, resourcePolicy: bySession, boundary }).effect).toBe('Allow');
  });

  test('a statement for everyone names the session itself', () => {
    const boundary = policy('boundary', allow('s3:*'));
    const roles = { ArnEquals: { 'aws:PrincipalArn': session.roleArn } };
    const resourcePolicy = policy('resource', allow('kms:Encrypt', { Principal: '*', Condition: roles }));
    const values = contextValues({ 'aws:PrincipalArn': session.roleArn });
    const asked = { principal: session, resourcePolicy, boundary, session: [boundary], values };
    expect(ask(asked)).toMatchObject({ effect: 'Allow', policyType: 'resource' });
    expect(ask({ ...asked, boundary: policy('boundary', deny('kms:Encrypt')) }).effect).toBe('ExplicitDeny');
  });

  test('session policies are a union: one that allows is enough, one that denies ends it', () => {
    const byRole = policy('resource', allow('kms:*', to(session.roleArn)));
    const asked = { principal: session, resourcePolicy: byRole };
    const [storage, keys] = [policy('session', allow('s3:*')), policy('session', allow('kms:*'))];
    expect(ask({ ...asked, session: [] }).effect).toBe('Allow');
    expect(ask({ ...asked, session: [storage, keys] }).effect).toBe('Allow');
    expect(ask({ ...asked, session: [storage, storage] })).toEqual({ effect: 'ImplicitDeny', policyType: 'session' });
    expect(ask({ ...asked, session: [keys, policy('session', deny('kms:Encrypt'))] })).toMatchObject({
      effect: 'ExplicitDeny',
      policyType: 'session',
    });
    expect(ask({ ...asked, resourcePolicy: delegation, session: [keys] })).toMatchObject({ policyType: 'identity' });
  });

  test('the root user needs the key policy too', () => {
    expect(ask({ principal: root, resourcePolicy: delegation }).effect).toBe('Allow');
    const resourcePolicy = policy('resource', allow('kms:*', to(alice.arn)));
    expect(ask({ principal: root, resourcePolicy }).effect).toBe('ImplicitDeny');
  });

  test('an explicit deny anywhere ends it and says where', () => {
    const identity = [policy('identity', allow('kms:*'), deny('kms:Encrypt', { Sid: 'NoEncrypt' }))];
    expect(ask({ resourcePolicy: delegation, identity })).toEqual({
      effect: 'ExplicitDeny',
      policyType: 'identity',
      statement: { policy: 'identity', index: 1, sid: 'NoEncrypt' },
    });
    const resourcePolicy = policy('resource', allow('kms:*', to(root.arn)), deny('kms:Encrypt', to(alice.arn)));
    expect(ask({ resourcePolicy, identity: [policy('identity', allow('*'))] })).toMatchObject({
      effect: 'ExplicitDeny',
      policyType: 'resource',
    });
    const boundary = policy('boundary', deny('kms:*'));
    expect(ask({ resourcePolicy: delegation, identity: [policy('identity', allow('*'))], boundary }).effect).toBe(
      'ExplicitDeny',
    );
  });

  test('a statement without Action or Resource is accepted and has no effect', () => {
    const resourcePolicy = policy(
      'resource',
      { Effect: 'Allow', ...to(alice.arn) },
      { Effect: 'Allow', Action: 'kms:*', ...to(alice.arn) },
    );
    expect(ask({ resourcePolicy }).effect).toBe('ImplicitDeny');
  });

  test('a unique id in the policy names the user', () => {
    expect(ask({ resourcePolicy: policy('resource', allow('kms:*', to(alice.uniqueId))) }).effect).toBe('Allow');
    expect(ask({ resourcePolicy: policy('resource', allow('kms:*', to('AIDAOTHER00000000000A'))) }).effect).toBe(
      'ImplicitDeny',
    );
  });
});

describe('across accounts', () => {
  const stranger = { arn: `arn:aws:iam::${other}:user/eve`, account: other };
  test('key policy and identity policy must both allow', () => {
    const resourcePolicy = policy('resource', allow('kms:Encrypt', to(other)));
    const identity = [policy('identity', allow('kms:Encrypt'))];
    expect(ask({ principal: stranger, resourcePolicy })).toMatchObject({
      effect: 'ImplicitDeny',
      policyType: 'identity',
    });
    expect(ask({ principal: stranger, resourcePolicy: delegation, identity })).toMatchObject({
      policyType: 'resource',
      effect: 'ImplicitDeny',
    });
    expect(ask({ principal: stranger, resourcePolicy, identity }).effect).toBe('Allow');
    const named = policy('resource', allow('kms:Encrypt', to(stranger.arn)));
    expect(ask({ principal: stranger, resourcePolicy: named }).effect).toBe('ImplicitDeny');
  });
});

describe('resources without a policy of their own', () => {
  const ask2 = (more: Partial<AuthorizationRequest>) =>
    ask({ action: 's3:GetObject', resource: 'arn:aws:s3:::b/k', resourcePolicyDecides: false, ...more });
  test('the identity policies decide, within boundary and session policy', () => {
    const identity = [policy('identity', allow('s3:GetObject', { Resource: 'arn:aws:s3:::b/*' }))];
    expect(ask2({}).effect).toBe('ImplicitDeny');
    expect(ask2({ identity }).effect).toBe('Allow');
    expect(ask2({ identity, resource: 'arn:aws:s3:::c/k' }).effect).toBe('ImplicitDeny');
    expect(ask2({ identity, boundary: policy('boundary', allow('kms:*')) })).toMatchObject({ policyType: 'boundary' });
    expect(ask2({ principal: root }).effect).toBe('Allow');
  });
});

describe('elements with Not', () => {
  test('NotAction allows everything else, in other services too', () => {
    const identity = [policy('identity', { Effect: 'Allow', NotAction: ['iam:*', 'kms:Delete*'], Resource: '*' })];
    const decide = (action: string) => ask({ action, resourcePolicyDecides: false, identity }).effect;
    expect(decide('kms:Encrypt')).toBe('Allow');
    expect(decide('IAM:CreateUser')).toBe('ImplicitDeny');
    expect(decide('kms:DeleteAlias')).toBe('ImplicitDeny');
  });

  test('NotResource and NotPrincipal', () => {
    const identity = [policy('identity', allow('*'), { Effect: 'Deny', Action: '*', NotResource: key })];
    expect(ask({ resourcePolicyDecides: false, identity }).effect).toBe('Allow');
    expect(ask({ resourcePolicyDecides: false, identity, resource: `${key}2` }).effect).toBe('ExplicitDeny');
    const resourcePolicy = policy('resource', allow('kms:*', to(root.arn)), {
      Effect: 'Deny',
      NotPrincipal: { AWS: [alice.arn, root.arn] },
      Action: 'kms:*',
      Resource: '*',
    });
    const all = [policy('identity', allow('*'))];
    expect(ask({ resourcePolicy, identity: all }).effect).toBe('Allow');
    const eve = { arn: `arn:aws:iam::${other}:user/eve`, account: other };
    expect(ask({ resourcePolicy, identity: all, principal: eve }).effect).toBe('ExplicitDeny');
  });
});

test('the message says who, what, where and which kind of policy, never the policy', () => {
  const identity = [policy('identity', deny('kms:Encrypt', { Sid: 'Secret' }))];
  const message = (decision: ReturnType<typeof ask>) =>
    accessDeniedMessage({ principalArn: alice.arn, action: 'kms:Encrypt', resource: key, decision });
  expect(message(ask({ resourcePolicy: delegation }))).toBe(
    `User: ${alice.arn} is not authorized to perform: kms:Encrypt on resource: ${key} because no identity-based policy allows the kms:Encrypt action`,
  );
  expect(message(ask({ resourcePolicy: delegation, identity }))).toMatch(
    /with an explicit deny in an identity-based policy$/,
  );
});
