import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePolicy, PolicyError, type PolicyKind } from '../src/index.js';

const compile = (document: unknown, kind: PolicyKind = 'identity') =>
  compilePolicy(typeof document === 'string' ? document : JSON.stringify(document), { kind, name: 'p' });
const ok = { Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*' };

describe('refused, as AWS refuses it', () => {
  test.each<[string, unknown, PolicyKind, RegExp]>([
    ['no JSON', '{', 'identity', /invalid Json/],
    ['an array', [], 'identity', /Syntax errors/],
    ['no statement', { Version: '2012-10-17' }, 'identity', /Syntax errors/],
    ['an empty statement list', { Statement: [] }, 'identity', /Syntax errors/],
    ['another version', { Version: '2020-01-01', Statement: ok }, 'identity', /valid version/],
    ['an unknown element', { Statement: { ...ok, Actions: 'x' } }, 'identity', /Syntax errors/],
    ['no effect', { Statement: { Action: '*', Resource: '*' } }, 'identity', /Syntax errors/],
    [
      'a principal in an identity policy',
      { Statement: { ...ok, Principal: '*' } },
      'identity',
      /should not specify a principal/,
    ],
    [
      'a name twice',
      '{"Statement":{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}}',
      'identity',
      /Syntax/,
    ],
    [
      'a name twice, once escaped',
      '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"},"Boo\\u006c":{}}}}',
      'identity',
      /Syntax/,
    ],
    ['no action', { Statement: { Effect: 'Allow', Resource: '*' } }, 'identity', /must contain actions/],
    ['no resource', { Statement: { Effect: 'Allow', Action: '*' } }, 'identity', /must contain resources/],
    ['both Action and NotAction', { Statement: { ...ok, NotAction: '*' } }, 'identity', /Syntax errors/],
    ['an action without vendor', { Statement: { ...ok, Action: 'Encrypt' } }, 'identity', /prefaced by a vendor/],
    ['an action with two colons', { Statement: { ...ok, Action: 's3:List:Bucket' } }, 'identity', /only one colon/],
    ['a vendor with a blank', { Statement: { ...ok, Action: 'a a:B' } }, 'identity', /^Vendor a a is not valid$/],
    [
      'a vendor with a wildcard',
      { Statement: { ...ok, NotAction: 's3*:B', Action: undefined } },
      'identity',
      /^Vendor s3\* /,
    ],
    ['an empty action', { Statement: { ...ok, Action: '' } }, 'identity', /prefaced by a vendor/],
    ['no actions in a list', { Statement: { ...ok, Action: [] } }, 'identity', /must contain actions/],
    ['no resources in a list', { Statement: { ...ok, Resource: [] } }, 'identity', /must contain resources/],
    ['a list in a list', { Statement: { ...ok, Action: [['a:b']] } }, 'identity', /Syntax/],
    ['an element in lower case', { Statement: { ...ok, action: 'a:b' } }, 'identity', /Syntax/],
    ['an effect in lower case', { Statement: { ...ok, Effect: 'allow' } }, 'identity', /Syntax/],
    ['an Id that is no text', { Id: 1, Statement: ok }, 'identity', /Syntax/],
    ['an unknown element above', { Statement: ok, Statements: ok }, 'identity', /Syntax/],
    ['a statement that is text', { Statement: ['x'] }, 'identity', /Syntax/],
    ['a condition without values', { Statement: { ...ok, Condition: { Bool: null } } }, 'identity', /Syntax/],
    [
      'a null as a value',
      { Statement: { ...ok, Condition: { Bool: { 'aws:SecureTransport': null } } } },
      'identity',
      /Syntax/,
    ],
    [
      'another partition',
      { Statement: { ...ok, Resource: 'a:b:cadfsdf' } },
      'identity',
      /^Partition "b" is not valid for resource "arn:b:cadfsdf:\*:\*:\*"\.$/,
    ],
    [
      'no vendor in a resource',
      { Statement: { ...ok, Resource: 'arn:aws' } },
      'identity',
      /^Resource vendor must be fully/,
    ],
    [
      'an empty resource',
      { Statement: { ...ok, Resource: '' } },
      'identity',
      /^Resource {2}must be in ARN format or "\*"\.$/,
    ],
    ['a resource that is no ARN', { Statement: { ...ok, Resource: 'bucket' } }, 'identity', /ARN format/],
    ['a wildcard vendor', { Statement: { ...ok, Resource: 'arn:aws:s*:::b' } }, 'identity', /vendor/],
    [
      'a repeated Sid',
      {
        Statement: [
          { ...ok, Sid: 'a' },
          { ...ok, Sid: 'a' },
        ],
      },
      'identity',
      /must be unique/,
    ],
    ['a Sid with a blank in an identity policy', { Statement: { ...ok, Sid: 'a b' } }, 'identity', /alpha-numeric/],
    ['no principal in a key policy', { Statement: ok }, 'resource', /principal/],
    [
      'a partial principal',
      { Statement: { ...ok, Principal: { AWS: 'arn:aws:iam::111122223333:user/*' } } },
      'resource',
      /invalid principals/,
    ],
    ['NotPrincipal with Allow', { Statement: { ...ok, NotPrincipal: { AWS: '*' } } }, 'resource', /NotPrincipal/],
    ['a federated principal', { Statement: { ...ok, Principal: { Federated: 'x' } } }, 'resource', /not supported/],
    ['a resource in a trust policy', { Statement: { ...ok, Principal: '*' } }, 'trust', /prohibited field Resource/],
  ])('%s', (_name, document, kind, message) => {
    expect(() => compile(document, kind)).toThrow(message);
    expect(() => compile(document, kind)).toThrow(PolicyError);
  });
});

test('a key policy of the console with blanks in Sid is accepted', () => {
  const policy = compile(
    { Statement: { ...ok, Sid: 'Enable IAM User Permissions', Principal: { AWS: '111122223333' } } },
    'resource',
  );
  expect(policy.principals).toEqual(['111122223333']);
});

describe('accepted, as AWS accepts it', () => {
  test.each<[string, unknown, PolicyKind]>([
    ['one statement without a list', { Version: '2012-10-17', Statement: ok }, 'identity'],
    ['the old version', { Version: '2008-10-17', Id: 'x', Statement: [ok] }, 'identity'],
    [
      'empty Sids',
      {
        Statement: [
          { ...ok, Sid: '' },
          { ...ok, Sid: '' },
        ],
      },
      'identity',
    ],
    [
      'numbers and truth as values',
      {
        Statement: {
          ...ok,
          Condition: {
            Bool: { 'aws:SecureTransport': [true, 'FALSE'] },
            NumericEquals: { 'kms:RotationPeriodInDays': 90 },
          },
        },
      },
      'identity',
    ],
    ['a condition without keys', { Statement: { ...ok, Condition: {} } }, 'identity'],
    [
      'every action of every vendor',
      { Statement: { ...ok, Action: ['*', '*:*', 'kms:*crypt', 'execute-api:Invoke'] } },
      'identity',
    ],
    [
      'an ARN that is not complete',
      { Statement: { ...ok, Resource: ['arn:aws:s3:*', 'arn:*:kms:*:*:key/*', 'arn:aws-cn:s3:::b'] } },
      'identity',
    ],
    ['no action and no resource in a key policy', { Statement: { Effect: 'Allow', Principal: '*' } }, 'resource'],
    [
      'lists without elements in a key policy',
      { Statement: { ...ok, Principal: '*', Action: [], Resource: [] } },
      'resource',
    ],
    [
      'keys of services that are not here',
      { Statement: { ...ok, Condition: { StringEquals: { 'ec2:Region': 'x' } } } },
      'identity',
    ],
    ['any Sid in a key policy', { Statement: { ...ok, Principal: '*', Sid: 'A key, für alle' } }, 'resource'],
  ])('%s', (_name, document, kind) => {
    expect(() => compile(document, kind)).not.toThrow();
  });
});

test('the same name in different objects is no repetition', () => {
  const named = {
    StringEquals: { 'aws:username': ['Sid', 'Sid', '{"Sid":"Sid"'] },
    StringLike: { 'aws:username': '*' },
  };
  expect(() => compile({ Statement: [ok, { ...ok, Condition: named }] })).not.toThrow();
});

test('anything at all is either compiled or a PolicyError', () => {
  const element = fc.constantFrom(
    'Version',
    'Statement',
    'Effect',
    'Action',
    'Resource',
    'Principal',
    'Condition',
    'Sid',
    'x',
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom<unknown>('Allow', '*', 'kms:*', '2012-10-17', null, 1, ''),
      fc.string(),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(element, tie('any'), { maxKeys: 6 }),
    ),
  })).any;
  fc.assert(
    fc.property(value, fc.constantFrom<PolicyKind>('identity', 'resource'), (document, kind) => {
      try {
        compile(JSON.stringify(document), kind);
      } catch (error) {
        expect(error).toBeInstanceOf(PolicyError);
      }
    }),
    { numRuns: 2000 },
  );
});
