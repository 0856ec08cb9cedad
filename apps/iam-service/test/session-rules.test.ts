import { describe, expect, test } from 'vitest';
import type { Role } from '../src/domain/entities.js';
import { accessKeyId, sessionToken, uuid } from '../src/domain/ids.js';
import { clientIds, issuer, providerName } from '../src/domain/oidc-provider.js';
import { deletionTask, isServiceLinked, roleOfTask, serviceLinkedRole } from '../src/domain/service-linked-roles.js';
import {
  chainedTags,
  packedSize,
  readRoleSession,
  readSessionTags,
  roleDuration,
  userDuration,
} from '../src/domain/session-request.js';
import { bindTrust, compileTrust, readTrustPolicy, shownTrust } from '../src/domain/trust-policy.js';

const code = (name: string) => expect.objectContaining({ code: name }) as Error;
const zeros = (size: number) => new Uint8Array(size);
const trust = (principal: unknown, more: object = {}) =>
  JSON.stringify({ Statement: [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole', ...more }] });

describe('durations', () => {
  test('of roles end at the longest of the role, and at an hour along a chain', () => {
    expect(roleDuration(undefined, { longest: 43_200, chained: false })).toBe(3_600);
    expect(roleDuration(43_200, { longest: 43_200, chained: false })).toBe(43_200);
    expect(() => roleDuration(3_601, { longest: 3_600, chained: false })).toThrow('MaxSessionDuration');
    expect(roleDuration(3_600, { longest: 43_200, chained: true })).toBe(3_600);
    expect(() => roleDuration(3_601, { longest: 43_200, chained: true })).toThrow('role chaining');
  });

  test('of users are half a day, of root an hour whatever is asked', () => {
    expect(userDuration(undefined, false)).toBe(43_200);
    expect(userDuration(129_600, false)).toBe(129_600);
    expect(userDuration(129_600, true)).toBe(3_600);
    expect(userDuration(900, true)).toBe(900);
    expect(() => userDuration(899, false)).toThrow('greater than or equal to 900');
    expect(() => userDuration(129_601, false)).toThrow('less than or equal to 129600');
  });
});

describe('session tags', () => {
  const tag = (key: string, value = 'v') => ({ key, value });

  test('transitive keys are keys of the request', () => {
    expect(readSessionTags([tag('Team')], ['team']).transitiveTagKeys).toEqual(['team']);
    expect(() => readSessionTags([tag('Team')], ['other'])).toThrow(code('InvalidParameterValue'));
    expect(() => readSessionTags([tag('Team'), tag('team')], [])).toThrow(code('InvalidInput'));
    expect(() => readSessionTags([tag('aws:x')], [])).toThrow(code('InvalidInput'));
  });

  test('only transitive ones go on, and nothing takes their place', () => {
    const inherited = { tags: [tag('Team', 'blue'), tag('Cost', '7')], transitiveTagKeys: ['team'] };
    expect(chainedTags({ tags: [tag('Cost', '8')], transitiveTagKeys: [] }, inherited)).toEqual({
      tags: [tag('Team', 'blue'), tag('Cost', '8')],
      transitiveTagKeys: ['Team'],
    });
    const overriding = { tags: [tag('TEAM', 'red')], transitiveTagKeys: [] };
    expect(() => chainedTags(overriding, inherited)).toThrow(code('InvalidParameterValue'));
    const many = Array.from({ length: 50 }, (_, i) => tag(`k${String(i)}`));
    expect(() => chainedTags({ tags: many, transitiveTagKeys: [] }, inherited)).toThrow(code('Validation'));
  });
});

describe('role sessions', () => {
  const request = { roleArn: 'arn:aws:iam::111122223333:role/r', roleSessionName: 'name', policyArns: [] };

  test('have a name, and policies that are policies', () => {
    expect(readRoleSession(request)).toMatchObject({ name: 'name', duration: undefined, policy: undefined });
    for (const roleSessionName of [undefined, 'x', 'a b', 'a/b', 'n'.repeat(65)]) {
      expect(() => readRoleSession({ ...request, roleSessionName })).toThrow(code('Validation'));
    }
    expect(() => readRoleSession({ ...request, policy: '{}' })).toThrow(code('MalformedPolicyDocument'));
    expect(() => readRoleSession({ ...request, policy: trust('*') })).toThrow(code('MalformedPolicyDocument'));
    expect(() => readRoleSession({ ...request, policyArns: [{ arn: 'x'.repeat(20) }] })).toThrow(code('InvalidInput'));
  });

  test('have room for so much', () => {
    const command = readRoleSession(request);
    expect(packedSize(command, [])).toBeUndefined();
    const policy = JSON.stringify({ Statement: [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }] });
    expect(packedSize({ ...command, policy }, [])).toBeGreaterThan(0);
    expect(packedSize({ ...command, policy: policy + ' '.repeat(2_048 - policy.length) }, [])).toBe(100);
    const arns = ['arn:aws:iam::aws:policy/ReadOnlyAccess'];
    const full = { ...command, policy: policy + ' '.repeat(2_048 - policy.length), policyArns: arns };
    expect(() => packedSize(full, [])).toThrow(code('PackedPolicyTooLarge'));
  });
});

describe('trust policies', () => {
  const user = 'arn:aws:iam::111122223333:user/a';
  const session = 'arn:aws:sts::111122223333:assumed-role/r/s';
  const asked = (arn: string, uniqueId: string) => ({ arn, account: '111122223333', uniqueId });

  test('trust who was meant, by unique id', () => {
    const written = readTrustPolicy('assumeRolePolicyDocument', trust({ AWS: [user, session, '111122223333'] }));
    const ids = new Map([
      [user, 'AIDA0123456789ABCDEFG'],
      [session, 'AROA0123456789ABCDEFG:s'],
      ['111122223333', '111122223333'],
    ]);
    const bound = bindTrust(written, ids);
    expect(Object.keys(bound.principals)).toEqual([user, session]);
    const [statement] = compileTrust(bound).statementsFor('sts:AssumeRole', 'Allow');
    expect(statement?.principal(asked(user, 'AIDA0123456789ABCDEFG'))).toBe('self');
    expect(statement?.principal(asked(user, 'AIDAZZZZZZZZZZZZZZZZZ'))).toBe('account');
    expect(statement?.principal(asked(session, 'AROA0123456789ABCDEFG:s'))).toBe('self');
    expect(statement?.principal(asked(session, 'AROAZZZZZZZZZZZZZZZZZ:s'))).toBe('account');
    const shown = shownTrust(bound, (id) => id.startsWith('AROA'));
    expect(shown).toContain('"AIDA0123456789ABCDEFG"');
    expect(shown).toContain(session);
    expect(() => bindTrust(written, new Map())).toThrow(`Invalid principal in policy: "AWS":"${user}"`);
  });

  test('name providers for tokens only, whoever else "*" is', () => {
    const provider = 'arn:aws:iam::111122223333:oidc-provider/oidc.example.com';
    const [statement] = compileTrust({
      document: trust({ Federated: provider, AWS: '*' }),
      principals: {},
    }).statementsFor('sts:AssumeRole', 'Allow');
    const bearer = { arn: provider, account: '111122223333', isFederated: true };
    expect(statement?.principal(bearer)).toBe('self');
    expect(statement?.principal({ ...bearer, arn: `${provider}.other` })).toBe('none');
    const anyone = compileTrust({ document: trust('*'), principals: {} }).statementsFor('sts:AssumeRole', 'Allow');
    expect(anyone[0]?.principal(bearer)).toBe('none');
  });

  test('are short, and about assuming the role', () => {
    const read = (document: string) => readTrustPolicy('policyDocument', document);
    expect(() => read(trust({ AWS: user }, { Action: ['sts:AssumeRole', 's3:*'] }))).toThrow('STS AssumeRole actions');
    expect(() => read(trust({ AWS: user }, { Action: undefined }))).toThrow('Missing required field Action');
    expect(() => read(trust({ AWS: user }, { Sid: 'x'.repeat(2_048) }))).toThrow(code('LimitExceeded'));
  });
});

describe('ids', () => {
  test('of temporary credentials say so, and hold the account', () => {
    const id = accessKeyId('111122223333', zeros, 'ASIA');
    expect(id).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(id.slice(4)).toBe(accessKeyId('111122223333', zeros).slice(4));
    expect(sessionToken(zeros).toString()).toBe('A'.repeat(64));
    expect(uuid(zeros)).toBe('00000000-0000-4000-8000-000000000000');
  });
});

describe('OIDC providers', () => {
  test('are issuers that can be reached safely', () => {
    expect(issuer('https://oidc.example.com/id/A/')).toEqual({
      url: 'https://oidc.example.com/id/A',
      name: 'oidc.example.com/id/A',
    });
    expect(issuer('http://127.0.0.1:8080').name).toBe('127.0.0.1:8080');
    const bad = [
      'http://example.com',
      'ftp://x.org',
      'https://a:b@c.org',
      'https://c.org?x',
      'https://c.org#x',
      'c.org',
    ];
    for (const url of [...bad, 'http://127.0.0.1.example.com', '', `https://c.org/${'x'.repeat(250)}`]) {
      expect(() => issuer(url), url).toThrow(code('Validation'));
    }
  });

  test('have at most a hundred audiences', () => {
    expect(clientIds(['a', 'a', 'b'])).toEqual(['a', 'b']);
    expect(() => clientIds(Array.from({ length: 101 }, (_, i) => `c${String(i)}`))).toThrow(code('LimitExceeded'));
  });

  test('are named by ARNs of their account', () => {
    const arn = 'arn:aws:iam::111122223333:oidc-provider/oidc.example.com';
    expect(providerName(arn, '111122223333')).toBe('oidc.example.com');
    expect(() => providerName(arn, '000000000000')).toThrow(code('InvalidInput'));
  });
});

describe('service-linked roles', () => {
  test('have AWS’s names', () => {
    expect(serviceLinkedRole('ecs.amazonaws.com', undefined)).toMatchObject({
      name: 'AWSServiceRoleForECS',
      path: '/aws-service-role/ecs.amazonaws.com/',
    });
    expect(serviceLinkedRole('batch.amazonaws.com', 'mine').name).toBe('AWSServiceRoleForBatch_mine');
    expect(() => serviceLinkedRole('example.com', undefined)).toThrow(code('InvalidInput'));
  });

  test('are found again by the task that deletes them', () => {
    const role = { path: '/aws-service-role/ecs.amazonaws.com/', name: 'AWSServiceRoleForECS' } as Role;
    expect(isServiceLinked(role)).toBe(true);
    expect(roleOfTask(deletionTask(role, uuid(zeros)))).toBe(role.name);
    expect(roleOfTask('task/else')).toBeUndefined();
  });
});
