import fc from 'fast-check';
import { compilePolicy, type PolicyPrincipal } from '@keystead/policy';
import { describe, expect, test } from 'vitest';
import { byRetirement, decideGranted, type Question } from '../../src/domain/authorization.js';
import {
  covers,
  grantableOperations,
  grantIndex,
  isWithin,
  maxGrantsPerKey,
  requireRoomForGrant,
  type Grant,
  type GrantRule,
} from '../../src/domain/grant.js';
import { boundPrincipal, namesOf } from '../../src/domain/grant-principal.js';
import { key } from './keys.js';

const account = '111122223333';
const root = `arn:aws:iam::${account}:root`;
const roleArn = `arn:aws:iam::${account}:role/deploy`;
const session: PolicyPrincipal = {
  ...{ arn: `arn:aws:sts::${account}:assumed-role/deploy/ci`, account, uniqueId: 'AROADEPLOY0000:ci', roleArn },
};
const user: PolicyPrincipal = { arn: `arn:aws:iam::${account}:user/bob`, account, uniqueId: 'AIDABOB0000000' };

describe('principals of grants', () => {
  test('a caller may be named by itself, by its role, and by its account', () => {
    expect([...namesOf(user)]).toEqual([
      ['AIDABOB0000000', 'self'],
      [account, 'account'],
    ]);
    expect([...namesOf(session)]).toEqual([
      ['AROADEPLOY0000:ci', 'self'],
      ['AROADEPLOY0000', 'role'],
      [account, 'account'],
    ]);
    expect([...namesOf({ arn: root, account, uniqueId: account, isRoot: true })]).toEqual([[account, 'self']]);
  });

  test('a session is bound to the id of its role', () => {
    expect(boundPrincipal(roleArn, new Map([[roleArn, 'AROADEPLOY0000']]))).toBe('AROADEPLOY0000');
    for (const known of ['AROADEPLOY0000', 'AROADEPLOY0000:ci'])
      expect(boundPrincipal(session.arn, new Map([[session.arn, known]]))).toBe('AROADEPLOY0000:ci');
    expect(() => boundPrincipal(root, new Map())).toThrow(`ARN does not refer to a valid principal: ${root}`);
    expect(() => boundPrincipal('AIDABOB0000000', new Map([['AIDABOB0000000', 'AIDABOB0000000']]))).toThrow();
  });
});

describe('who is named', () => {
  const policy = (Effect: string) =>
    compilePolicy(JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect, Action: 'kms:*', Resource: '*' }] }), {
      kind: 'identity',
      name: Effect,
    });
  const nothing = compilePolicy(
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }] }),
    { kind: 'boundary', name: 'narrow' },
  );
  const asked = (principal: PolicyPrincipal, policies: Question['policies']): Question => ({
    ...{ action: 'kms:Encrypt', resource: key().arn, account: '444455556666' },
    ...{ principal, policies, readings: [() => undefined] },
  });
  const effect = (
    principal: PolicyPrincipal,
    named: 'self' | 'role' | 'account',
    policies: Partial<Question['policies']>,
  ) => decideGranted(asked(principal, { identity: [], tags: {}, ...policies }), named).effect;

  test('the grant alone is enough, also for a key of another account', () => {
    expect(effect(user, 'self', {})).toBe('Allow');
    expect(effect(session, 'self', {})).toBe('Allow');
    expect(effect(session, 'role', {})).toBe('Allow');
  });

  test('an account needs its own policies', () => {
    expect(effect(user, 'account', {})).toBe('ImplicitDeny');
    expect(effect(user, 'account', { identity: [policy('Allow')] })).toBe('Allow');
  });

  test('session policies limit the session of a role, not the session that is named itself', () => {
    expect(effect(session, 'role', { session: [nothing] })).toBe('ImplicitDeny');
    expect(effect(session, 'role', { session: [nothing, policy('Allow')] })).toBe('Allow');
    expect(effect(session, 'self', { session: [nothing] })).toBe('Allow');
    expect(effect(session, 'self', { session: [policy('Deny')] })).toBe('ExplicitDeny');
  });

  test('a boundary limits the session of a role, not who is named itself', () => {
    expect(effect(session, 'role', { boundary: nothing })).toBe('ImplicitDeny');
    expect(effect(session, 'self', { boundary: nothing })).toBe('Allow');
    expect(effect(user, 'self', { boundary: nothing })).toBe('Allow');
  });

  test('a Deny ends it', () => {
    for (const named of ['self', 'account'] as const)
      expect(effect(user, named, { identity: [policy('Allow'), policy('Deny')] })).toBe('ExplicitDeny');
  });

  test('retiring: who is named for it, and the grantee if the grant says so', () => {
    const grant: Grant = {
      ...{ account, keyId: key().id, id: '0'.repeat(64), name: null, createdAt: new Date(0), issuingAccount: account },
      ...{ grantee: user.arn, granteeId: 'AIDABOB0000000', retiring: roleArn, retiringId: 'AROADEPLOY0000' },
      ...{ operations: ['Encrypt'], constraint: {} },
    };
    const policies = { identity: [], tags: {} };
    expect(byRetirement(asked(session, policies), grant)?.effect).toBe('Allow');
    expect(byRetirement(asked(user, policies), grant)).toBeUndefined();
    expect(byRetirement(asked(user, policies), { ...grant, operations: ['RetireGrant'] })?.effect).toBe('Allow');
    const denied = { identity: [policy('Deny')], tags: {} };
    expect(byRetirement(asked(session, denied), grant)).toBeUndefined();
  });
});

describe('what is covered', () => {
  test('operations by kind of key', () => {
    const of = (spec: string, usage: string) => [...grantableOperations({ spec, usage })].sort();
    expect(of('SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT')).toEqual([
      ...['CreateGrant', 'Decrypt', 'DescribeKey', 'Encrypt', 'GenerateDataKey', 'GenerateDataKeyPair'],
      ...['GenerateDataKeyPairWithoutPlaintext', 'GenerateDataKeyWithoutPlaintext', 'ReEncryptFrom', 'ReEncryptTo'],
      'RetireGrant',
    ]);
    expect(of('HMAC_256', 'GENERATE_VERIFY_MAC')).toEqual([
      ...['CreateGrant', 'DescribeKey', 'GenerateMac', 'RetireGrant', 'VerifyMac'],
    ]);
    expect(of('RSA_2048', 'ENCRYPT_DECRYPT')).not.toContain('GenerateDataKey');
    expect(of('ML_KEM_768', 'ENCAPSULATE_DECAPSULATE')).toEqual(expect.arrayContaining(['Encapsulate', 'Decapsulate']));
    expect(of('ECC_NIST_P256', 'KEY_AGREEMENT')).toContain('DeriveSharedSecret');
  });

  test('50,000 for a key', () => {
    expect(() => requireRoomForGrant(key(), maxGrantsPerKey - 1)).not.toThrow();
    expect(() => requireRoomForGrant(key(), maxGrantsPerKey)).toThrow(
      expect.objectContaining({ code: 'LimitExceeded' }) as Error,
    );
  });

  const pairs = fc.dictionary(fc.constantFrom('a', 'b', 'A', '__proto__'), fc.constantFrom('1', '2'), { maxKeys: 4 });
  const some = pairs.filter((one) => Object.keys(one).length > 0);
  const constraint = fc.record({ equals: some, subset: some }, { requiredKeys: [] });
  const rule: fc.Arbitrary<GrantRule> = fc.record({
    id: fc.constant(''),
    operations: fc.subarray(['Encrypt', 'Decrypt', 'CreateGrant', 'DescribeKey']),
    constraint,
  });
  const request = (operation: string, encryptionContext: Record<string, string>) => ({ operation, encryptionContext });

  test('a child never covers what its parent does not', () => {
    fc.assert(
      fc.property(rule, rule, pairs, fc.constantFrom('Encrypt', 'Decrypt'), (parent, child, context, operation) => {
        fc.pre(isWithin(child, parent));
        if (covers(child, request(operation, context))) expect(covers(parent, request(operation, context))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('the index of many grants says what they say one by one', () => {
    const asked = fc.record({
      operation: fc.constantFrom('Encrypt', 'Decrypt', 'CreateGrant', 'DescribeKey', 'Sign'),
      encryptionContext: pairs,
      child: fc.option(rule, { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 6 }), asked, (rules, one) => {
        expect(grantIndex(rules).covers(one)).toBe(rules.some((each) => covers(each, one)));
      }),
      { numRuns: 3_000 },
    );
  });

  test('a grant is within itself, and CreateGrant is covered only for what is within', () => {
    fc.assert(
      fc.property(rule, rule, (parent, child) => {
        expect(isWithin(parent, parent)).toBe(true);
        const asked = { ...request('CreateGrant', {}), child };
        expect(covers(parent, asked)).toBe(parent.operations.includes('CreateGrant') && isWithin(child, parent));
      }),
    );
  });
});
