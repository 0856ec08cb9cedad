import { describe, expect, test } from 'vitest';
import { simulatedValues, type ContextEntry } from '../src/domain/context-entries.js';
import {
  checkEffort,
  checkScenario,
  overAll,
  simulate,
  simulatedPolicy,
  type Scene,
} from '../src/domain/simulation.js';

const home = '000000000000';
const key = `arn:aws:kms:us-east-1:${home}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
const policy = (...Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
const allow = (Action: string, more: object = {}) => ({ Effect: 'Allow', Action, Resource: '*', ...more });
const deny = (Action: string, more: object = {}) => ({ ...allow(Action, more), Effect: 'Deny' });
const identity = (document: string, id = 'PolicyInputList.1') =>
  simulatedPolicy({ id, type: 'none', document }, 'identity');
const boundary = (document: string) => simulatedPolicy({ id: 'B', type: 'user-managed', document }, 'boundary');
const resource = (document: string) =>
  simulatedPolicy({ id: 'ResourcePolicy', type: 'resource', document }, 'resource');

function scene(more: Partial<Scene> = {}): Scene {
  return {
    ...{ identity: [], boundary: undefined, resource: undefined, values: simulatedValues([]), resourceOwner: home },
    principal: { arn: `arn:aws:iam::${home}:user/alice`, account: home },
    ...more,
  };
}

describe('a simulation', () => {
  test('tells the statement that decided and where it stands', () => {
    const document = policy(allow('kms:Encrypt'), deny('kms:Decrypt'));
    const asked = scene({ identity: [identity(document)] });
    const allowed = simulate(asked, 'kms:Encrypt', key);
    expect(allowed).toMatchObject({ decision: 'allowed', missing: [], boundaryAllows: undefined, details: {} });
    expect(allowed.statements).toMatchObject([
      { source: { id: 'PolicyInputList.1', type: 'none' }, start: { line: 1 } },
    ]);
    const [denied] = simulate(asked, 'kms:Decrypt', key).statements;
    const text = document.slice((denied?.start.column ?? 0) - 1, (denied?.end.column ?? 0) - 1);
    expect(text).toContain('"Action":"kms:Decrypt"');
    expect(text).not.toContain('Encrypt');
    expect(simulate(asked, 'kms:Sign', key)).toMatchObject({ decision: 'implicitDeny', statements: [] });
  });

  test('stands where the AWS CLI shows it', () => {
    const document =
      '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}';
    const at = (time: string) =>
      scene({
        identity: [identity(document)],
        values: simulatedValues([
          { contextKeyName: 'aws:CurrentTime', contextKeyValues: [time], contextKeyType: 'date' },
        ]),
      });
    expect(simulate(at('2019-04-25T11:00:00Z'), 'dynamodb:CreateBackup', '*')).toMatchObject({
      decision: 'allowed',
      statements: [{ start: { line: 1, column: 38 }, end: { line: 1, column: 167 } }],
    });
    expect(simulate(at('2014-04-25T11:00:00Z'), 'dynamodb:CreateBackup', '*').decision).toBe('implicitDeny');
  });

  test('names the context keys that are asked for and not given', () => {
    const condition = { StringEquals: { 'kms:EncryptionContext:team': '${aws:username}' } };
    const found = simulate(
      scene({ identity: [identity(policy(allow('kms:*', { Condition: condition })))] }),
      'kms:Encrypt',
      key,
    );
    expect(found.decision).toBe('implicitDeny');
    expect([...found.missing].sort()).toEqual(['aws:username', 'kms:EncryptionContext:team']);
  });

  test('is limited by a boundary, which it tells', () => {
    const asked = scene({ identity: [identity(policy(allow('*')))], boundary: boundary(policy(allow('kms:*'))) });
    expect(simulate(asked, 'kms:Encrypt', key)).toMatchObject({ decision: 'allowed', boundaryAllows: true });
    expect(simulate(asked, 's3:GetObject', '*')).toMatchObject({ decision: 'implicitDeny', boundaryAllows: false });
  });

  test('takes a key policy as KMS does: it decides, and delegates to the account only when it says so', () => {
    const rights = [identity(policy(allow('kms:*')))];
    const byName = resource(policy(allow('kms:Encrypt', { Principal: { AWS: `arn:aws:iam::${home}:user/alice` } })));
    const delegating = resource(policy(allow('kms:*', { Principal: { AWS: `arn:aws:iam::${home}:root` } })));
    expect(simulate(scene({ resource: byName }), 'kms:Encrypt', key).decision).toBe('allowed');
    expect(simulate(scene({ identity: rights, resource: byName }), 'kms:Decrypt', key).decision).toBe('implicitDeny');
    expect(simulate(scene({ identity: rights, resource: delegating }), 'kms:Decrypt', key).decision).toBe('allowed');
    expect(simulate(scene({ resource: delegating }), 'kms:Decrypt', key).decision).toBe('implicitDeny');
  });

  test('needs both sides across accounts, and tells what each says', () => {
    const stranger = { arn: 'arn:aws:iam::111111111111:user/bob', account: '111111111111' };
    const share = resource(policy(allow('kms:Decrypt', { Principal: { AWS: '111111111111' } })));
    const rights = [identity(policy(allow('kms:*')))];
    expect(
      simulate(scene({ principal: stranger, resource: share, identity: rights }), 'kms:Decrypt', key),
    ).toMatchObject({
      decision: 'allowed',
      details: { 'IAM Policy': 'allowed', 'Resource Policy': 'allowed' },
    });
    expect(simulate(scene({ principal: stranger, resource: share }), 'kms:Decrypt', key)).toMatchObject({
      decision: 'implicitDeny',
      details: { 'IAM Policy': 'implicitDeny', 'Resource Policy': 'allowed' },
    });
  });

  test('over several resources is as strict as the strictest', () => {
    const document = policy(
      { ...allow('kms:Encrypt'), Resource: key },
      { ...deny('kms:Encrypt'), Resource: `${key}0` },
    );
    const asked = scene({ identity: [identity(document)] });
    const each = [key, `${key}0`, `${key}1`].map((arn) => simulate(asked, 'kms:Encrypt', arn));
    expect(each.map(({ decision }) => decision)).toEqual(['allowed', 'explicitDeny', 'implicitDeny']);
    expect(overAll(each)).toMatchObject({ decision: 'explicitDeny', statements: each[1]?.statements });
    expect(overAll(each.filter((_, index) => index !== 1)).decision).toBe('implicitDeny');
  });

  test('that would take seconds is refused', () => {
    const many = policy(...Array.from({ length: 500 }, () => allow('kms:Encrypt')));
    expect(() => checkEffort(scene({ identity: [identity(many)] }), 100, 100)).toThrow(/ask for less/);
    expect(() => checkEffort(scene({ identity: [identity(many)] }), 10, 10)).not.toThrow();
  });
});

describe('context entries', () => {
  const entry = (contextKeyType: string, ...contextKeyValues: string[]): ContextEntry => {
    return { contextKeyName: 'aws:SomeKey', contextKeyValues, contextKeyType };
  };

  test.each([
    entry('string', 'x'),
    entry('stringList', 'x', 'y'),
    entry('stringList'),
    entry('numeric', '1.5'),
    entry('boolean', 'TRUE'),
    entry('ip', '10.0.0.0/8'),
    entry('ipList', '::1', '127.0.0.1'),
    entry('date', '2026-01-01T00:00:00Z'),
    entry('date', '1767225600'),
    entry('binary', 'aGk='),
  ])('%j is taken', (one) => {
    const [value] = one.contextKeyValues;
    const found = simulatedValues([one])('aws:somekey');
    expect(found).toEqual(one.contextKeyType?.endsWith('List') ? one.contextKeyValues : value);
  });

  test.each([
    entry('string'),
    entry('string', 'x', 'y'),
    entry('number', '1'),
    entry('', 'x'),
    entry('numeric', 'one'),
    entry('boolean', 'yes'),
    entry('ip', 'host'),
    entry('date', 'soon'),
    entry('binary', '***'),
    { contextKeyName: 'abc', contextKeyValues: ['x'], contextKeyType: 'string' },
  ])('%j is refused', (one) => {
    expect(() => simulatedValues([one])).toThrow(expect.objectContaining({ code: 'InvalidInput' }));
  });

  test('name a key once', () => {
    expect(() =>
      simulatedValues([entry('string', 'a'), { ...entry('string', 'b'), contextKeyName: 'AWS:somekey' }]),
    ).toThrow(/more than once/);
  });
});

test('a scenario of EC2 demands its resources', () => {
  const arn = (type: string) => `arn:aws:ec2:us-east-1:${home}:${type}/x`;
  const all = ['instance', 'image', 'security-group', 'network-interface', 'volume'].map(arn);
  expect(() => checkScenario('EC2-VPC-EBS', all)).not.toThrow();
  expect(() => checkScenario('EC2-VPC-EBS-Subnet', all)).toThrow(/subnet/);
  expect(() => checkScenario('EC2-Classic', all)).toThrow(/ResourceHandlingOption/);
  expect(() => checkScenario(undefined, [])).not.toThrow();
});
