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
