import { compilePolicy, type PolicyPrincipal } from '@keystead/policy';
import { describe, expect, test } from 'vitest';
import { accessDenied, decide, type Question } from '../../src/domain/authorization.js';
import { defaultPolicy } from '../../src/domain/key-policy.js';
import { key } from './keys.js';

const stored = key();
const stranger: PolicyPrincipal = {
  arn: 'arn:aws:iam::444455556666:user/eve',
  account: '444455556666',
  uniqueId: 'AIDAEVE',
};
const friend: PolicyPrincipal = {
  arn: `arn:aws:iam::${stored.account}:user/bob`,
  account: stored.account,
  uniqueId: 'AIDABOB',
};
const allow = { Effect: 'Allow', Action: 'kms:*', Resource: '*' };
const policy = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
const keyPolicy = (...statements: object[]) =>
  compilePolicy(policy(...statements), { kind: 'resource', name: 'key policy' });
const everything = [compilePolicy(policy(allow), { kind: 'identity', name: 'all' })];
const delegation = compilePolicy(defaultPolicy(stored.account), { kind: 'resource', name: 'key policy' });

function question(principal: PolicyPrincipal, change: Partial<Question>): Question {
  return {
    ...{ action: 'kms:Encrypt', principal, policies: { identity: [], tags: {} }, readings: [() => undefined] },
    ...{ resource: stored.arn, account: stored.account, keyPolicy: delegation, ...change },
  };
}

const effect = (principal: PolicyPrincipal, change: Partial<Question> = {}) =>
  decide(question(principal, change)).effect;

describe('the key policy decides', () => {
  test('identity policies help only where it delegates', () => {
    const policies = { identity: everything, tags: {} };
    expect(effect(friend, { policies })).toBe('Allow');
    expect(effect(friend)).toBe('ImplicitDeny');
    const named = keyPolicy({ ...allow, Principal: { AWS: `arn:aws:iam::${stored.account}:user/alice` } });
    expect(effect(friend, { policies, keyPolicy: named })).toBe('ImplicitDeny');
  });

  test('naming the caller is enough in the same account, and a Deny anywhere ends it', () => {
    const named = { ...allow, Principal: { AWS: friend.arn } };
    expect(effect(friend, { keyPolicy: keyPolicy(named) })).toBe('Allow');
    expect(effect(friend, { keyPolicy: keyPolicy(named, { ...named, Effect: 'Deny', Action: 'kms:Encrypt' }) })).toBe(
      'ExplicitDeny',
    );
  });

  test('another account needs both policies, and only for some operations', () => {
    const open = keyPolicy({ ...allow, Principal: { AWS: '444455556666' } });
    const policies = { identity: everything, tags: {} };
    expect(effect(stranger, { keyPolicy: open, policies })).toBe('Allow');
    expect(effect(stranger, { keyPolicy: open })).toBe('ImplicitDeny');
    expect(effect(stranger, { policies })).toBe('ImplicitDeny');
    for (const action of [
      'kms:Sign',
      'kms:VerifyMac',
      'kms:GetPublicKey',
      'kms:Decapsulate',
      'kms:GenerateDataKeyPair',
    ])
      expect(effect(stranger, { keyPolicy: open, policies, action })).toBe('Allow');
    for (const action of ['kms:DisableKey', 'kms:ImportKeyMaterial', 'kms:GetParametersForImport'])
      expect(effect(stranger, { keyPolicy: open, policies, action })).toBe('ImplicitDeny');
  });
});

test("a refusal is in AWS's words", () => {
  const asked = question(stranger, {});
  expect(accessDenied(asked, decide(asked)).message).toBe(
    `User: ${stranger.arn} is not authorized to perform: kms:Encrypt on resource: ${stored.arn} because no resource-based policy allows the kms:Encrypt action`,
  );
});
