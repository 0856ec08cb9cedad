import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compilePolicy,
  contextKeysOf,
  contextValues,
  evaluate,
  statementPositions,
  trace,
  type AuthorizationRequest,
  type PolicyKind,
} from '../src/index.js';

const account = '111122223333';
const alice = { arn: `arn:aws:iam::${account}:user/alice`, account, uniqueId: 'AIDAALICE00000000000A' };
const key = `arn:aws:kms:us-east-1:${account}:key/1`;
const policy = (kind: PolicyKind, name: string, ...Statement: object[]) =>
  compilePolicy(JSON.stringify({ Version: '2012-10-17', Statement }), { kind, name });
const delegation = policy('resource', 'key policy', {
  ...{ Effect: 'Allow', Action: 'kms:*', Resource: '*', Principal: { AWS: account } },
});
const request = (more: Partial<AuthorizationRequest>): AuthorizationRequest => ({
  ...{ action: 'kms:Encrypt', resource: key, resourceAccount: account, principal: alice },
  ...{ values: contextValues({}), identity: [], resourcePolicyDecides: true, resourcePolicy: delegation },
  ...more,
});

describe('an explanation', () => {
  const identity = [
    policy(
      ...(['identity', 'mine'] as const),
      { Sid: 'Wide', Effect: 'Allow', Action: 'kms:*', Resource: '*' },
      { Sid: 'Other', Effect: 'Allow', Action: 's3:*', Resource: '*' },
      {
        ...{ Sid: 'Guard', Effect: 'Deny', Action: 'kms:Encrypt', Resource: '*' },
        Condition: {
          StringNotEquals: { 'kms:EncryptionContext:team': ['${aws:PrincipalTag/team}', 'all'] },
          NumericLessThan: { 'kms:RotationPeriodInDays': '100' },
        },
      },
    ),
  ];

  test('shows every element of every statement', () => {
    const values = contextValues({ 'aws:PrincipalTag/team': 'red', 'kms:EncryptionContext:team': 'blue' });
    const { decision, policies, outcomes } = trace(request({ identity, values }));
    expect(decision).toMatchObject({ effect: 'Allow', statement: { policy: 'mine', sid: 'Wide' } });
    expect(outcomes).toEqual({ resource: 'Allow', identity: 'Allow' });
    expect(policies.map(({ type, name, outcome }) => [type, name, outcome])).toEqual([
      ['resource', 'key policy', 'Allow'],
      ['identity', 'mine', 'Allow'],
    ]);
    expect(policies[0]?.statements[0]).toMatchObject({ principal: 'account', action: true, applies: true });
    expect(policies[1]?.statements.map(({ action, applies }) => [action, applies])).toEqual([
      [true, true],
      [false, false],
      [true, false],
    ]);
    expect(policies[1]?.statements[2]?.conditions).toEqual([
      {
        ...{ operator: 'StringNotEquals', key: 'kms:EncryptionContext:team', found: 'blue' },
        ...{ wanted: ['${aws:PrincipalTag/team}', 'all'], matched: true },
      },
      {
        ...{ operator: 'NumericLessThan', key: 'kms:RotationPeriodInDays', found: undefined },
        ...{ wanted: ['100'], matched: false },
      },
    ]);
  });

  test('names the keys that the request does not have, of statements that could apply', () => {
    expect(trace(request({ identity })).missingContextKeys).toEqual([
      ...['kms:EncryptionContext:team', 'aws:PrincipalTag/team', 'kms:RotationPeriodInDays'],
    ]);
    expect(trace(request({ identity, action: 's3:GetObject' })).missingContextKeys).toEqual([]);
    const home = { Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::home/${aws:username}/*' };
    const own = { resource: 'arn:aws:s3:::home/x/y', action: 's3:GetObject', resourcePolicyDecides: false };
    expect(trace(request({ ...own, identity: [policy('identity', 'home', home)] })).missingContextKeys).toEqual([
      'aws:username',
    ]);
  });

  test('all denies decide an explicit deny, else all allows', () => {
    const limits = { boundary: policy('boundary', 'edge', { Effect: 'Deny', Action: '*', Resource: key }) };
    const values = contextValues({
      'kms:RotationPeriodInDays': '1',
      'aws:PrincipalTag/team': 'red',
    });
    const denied = trace(request({ ...limits, identity, values }));
    expect(denied.matched).toEqual([
      { type: 'boundary', policy: 'edge', index: 0, sid: undefined, effect: 'Deny' },
      { type: 'identity', policy: 'mine', index: 2, sid: 'Guard', effect: 'Deny' },
    ]);
    expect(denied.outcomes).toEqual({ resource: 'Allow', boundary: 'ExplicitDeny', identity: 'ExplicitDeny' });
    const boundary = policy('boundary', 'edge', { Effect: 'Allow', Action: 's3:*', Resource: '*' });
    const limited = trace(request({ identity, boundary }));
    expect(limited.decision).toEqual({ effect: 'ImplicitDeny', policyType: 'boundary' });
    expect(limited.outcomes).toEqual({ resource: 'Allow', boundary: 'ImplicitDeny', identity: 'Allow' });
    expect(limited.matched.map(({ policy: name }) => name)).toEqual(['key policy', 'mine']);
  });
});

test('an explanation and a decision never differ', () => {
  const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
  const principal = fc.constantFrom<unknown>('*', { AWS: account }, { AWS: alice.arn }, { AWS: '444455556666' });
  const statement = (withPrincipal: boolean) =>
    fc.record({
      Effect: fc.constantFrom('Allow', 'Deny', 'Allow'),
      Action: fc.constantFrom('*', 'kms:*', 'kms:Encrypt', 's3:*'),
      Resource: fc.constantFrom('*', key, 'arn:aws:kms:*:*:key/${aws:username}', 'arn:aws:s3:::b'),
      Condition: fc.constantFrom({}, { StringEquals: { 'aws:username': 'alice' } }, { Null: { 'aws:userid': true } }),
      ...(withPrincipal ? { Principal: principal } : {}),
    });
  const some = (kind: PolicyKind) =>
    fc
      .array(statement(kind === 'resource'), { minLength: 1, maxLength: 4 })
      .map((statements) => policy(kind, kind, ...statements));
  const requests = fc.record({
    identity: fc.array(some('identity'), { maxLength: 2 }),
    resourcePolicy: maybe(some('resource')),
    boundary: maybe(some('boundary')),
    session: maybe(fc.array(some('session'), { maxLength: 2 })),
    resourcePolicyDecides: fc.boolean(),
    values: fc.constantFrom(contextValues({ 'aws:username': 'alice' }), contextValues({ 'aws:username': '1' })),
  });
  fc.assert(
    fc.property(requests, (more) => {
      const asked = request(more);
      const { decision, matched, outcomes } = trace(asked);
      expect(decision).toEqual(evaluate(asked));
      const denies = Object.values(outcomes).includes('ExplicitDeny');
      expect(decision.effect === 'ExplicitDeny').toBe(denies);
      // The statement that decides is the first of those that matched in its kind of policy.
      if (decision.statement)
        expect(matched.filter(({ type }) => type === decision.policyType)).toContainEqual({
          ...decision.statement,
          type: decision.policyType,
          effect: denies ? 'Deny' : 'Allow',
        });
      if (decision.effect === 'ImplicitDeny')
        expect(outcomes[decision.policyType] ?? 'ImplicitDeny').toBe('ImplicitDeny');
    }),
    { numRuns: 3_000 },
  );
});

describe('context keys of a document', () => {
  test('those of conditions and variables, each once', () => {
    const document = {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: 'arn:aws:s3:::b/${aws:username}/${*}' },
        {
          ...{ Effect: 'Allow', Action: '*', Resource: '*' },
          Condition: {
            'ForAnyValue:StringLike': { 'aws:TagKeys': "${aws:PrincipalTag/team, 'none'}" },
            Null: { 'AWS:UserName': 'true', 'aws:SourceIp': 'false' },
          },
        },
      ],
    };
    const expected = ['aws:username', 'aws:TagKeys', 'aws:PrincipalTag/team', 'aws:SourceIp'];
    expect(contextKeysOf(JSON.stringify(document))).toEqual(expected);
    expect(contextKeysOf(JSON.stringify({ ...document, Version: '2008-10-17' }))).toEqual([
      ...['aws:TagKeys', 'AWS:UserName', 'aws:SourceIp'],
    ]);
  });
});

describe('positions of statements', () => {
  test("as in the example of AWS's command line for a single statement", () => {
    const document =
      '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}';
    expect(statementPositions(document)).toEqual([{ start: { line: 1, column: 38 }, end: { line: 1, column: 167 } }]);
  });

  test('as in its example for a list: from behind the bracket to behind the brace', () => {
    const statement = { Effect: 'Allow', Action: 'codecommit:ListRepositories', Resource: ['*'] };
    const document = JSON.stringify({ Version: '2012-10-17', Statement: [statement, statement] }, null, 4);
    expect(statementPositions(document)).toEqual([
      { start: { line: 3, column: 19 }, end: { line: 10, column: 10 } },
      { start: { line: 10, column: 10 }, end: { line: 17, column: 10 } },
    ]);
  });

  test('a name that is written with escapes, and braces inside of text, do not mislead', () => {
    const document = '{"Id":"Statement","\\u0053tatement":[{"Sid":"}{"}],"Version":"x"}';
    expect(statementPositions(document)).toEqual([{ start: { line: 1, column: 37 }, end: { line: 1, column: 49 } }]);
  });
});
