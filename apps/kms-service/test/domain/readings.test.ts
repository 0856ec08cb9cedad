import fc from 'fast-check';
import { compilePolicy } from '@keystead/policy';
import { describe, expect, test } from 'vitest';
import { decide, type Question } from '../../src/domain/authorization.js';
import { kmsValues } from '../../src/domain/conditions.js';
import { defaultPolicy } from '../../src/domain/key-policy.js';
import { readingsOf } from '../../src/domain/readings.js';
import { requireTags } from '../../src/domain/tags.js';
import { key } from './keys.js';

const stored = key();
const principal = { arn: `arn:aws:iam::${stored.account}:user/bob`, account: stored.account, uniqueId: 'AIDABOB' };
const delegation = compilePolicy(defaultPolicy(stored.account), { kind: 'resource', name: 'key policy' });
type Context = Record<string, string>;

const statement = (Effect: string, Condition?: object) => ({ Effect, Action: '*', Resource: '*', Condition });

function effect(statements: object[], encryptionContext: Context, tags: { tagKey: string; tagValue: string }[] = []) {
  const document = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  const about = { key: stored, tags, aliases: [] };
  const caller = { account: stored.account, viaService: undefined };
  const question: Question = {
    ...{ action: 'kms:Encrypt', resource: stored.arn, account: stored.account, keyPolicy: delegation, principal },
    policies: { identity: [compilePolicy(document, { kind: 'identity', name: 'own' })], tags: {} },
    readings: readingsOf({ encryptionContext }, about).map((one) => kmsValues(one.facts, caller, one.about)),
  };
  return decide(question).effect;
}

const equals = (value: string) => ({ StringEquals: { 'kms:EncryptionContext:team': value } });
const differs = (value: string) => ({ StringNotEquals: { 'kms:EncryptionContext:team': value } });

describe('names that differ only in case (ADR 0036)', () => {
  const both: Context[] = [
    { team: 'blue', Team: 'red' },
    { Team: 'red', team: 'blue' },
  ];

  test.each(both)('do not satisfy an Allow with one of their values: %j', (context) => {
    expect(effect([statement('Allow', equals('blue'))], context)).toBe('ImplicitDeny');
    expect(effect([statement('Allow', equals('red'))], context)).toBe('ImplicitDeny');
    expect(effect([statement('Allow', differs('blue'))], context)).toBe('ImplicitDeny');
    expect(effect([statement('Allow', equals('blue')), statement('Allow', equals('red'))], context)).toBe('Allow');
  });

  test.each(both)('do not slip past a Deny with the other: %j', (context) => {
    for (const value of ['blue', 'red']) {
      expect(effect([statement('Allow'), statement('Deny', equals(value))], context)).toBe('ExplicitDeny');
      expect(effect([statement('Allow'), statement('Deny', differs(value))], context)).toBe('ExplicitDeny');
    }
    expect(effect([statement('Allow'), statement('Deny', equals('green'))], context)).toBe('Allow');
  });

  test('nor by crossing two names', () => {
    const deny = statement('Deny', {
      StringEquals: { 'kms:EncryptionContext:team': 'red', 'kms:EncryptionContext:app': 'x' },
    });
    const context = { team: 'blue', app: 'x', Team: 'red', App: 'y' };
    expect(effect([statement('Allow'), deny], context)).toBe('ExplicitDeny');
  });

  test('count with their case for kms:EncryptionContextKeys', () => {
    const names = (...wanted: string[]) => ({ 'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': wanted } });
    expect(effect([statement('Allow', names('team', 'Team'))], { team: 'a', Team: 'b' })).toBe('Allow');
    expect(effect([statement('Allow', names('team'))], { team: 'a', Team: 'b' })).toBe('ImplicitDeny');
  });

  test('the same holds for tags', () => {
    const tags = [
      { tagKey: 'Team', tagValue: 'red' },
      { tagKey: 'team', tagValue: 'blue' },
    ];
    const tagged = (value: string) => ({ StringEquals: { 'aws:ResourceTag/team': value } });
    expect(effect([statement('Allow', tagged('blue'))], {}, tags)).toBe('ImplicitDeny');
    expect(effect([statement('Allow'), statement('Deny', tagged('blue'))], {}, tags)).toBe('ExplicitDeny');
    expect(effect([statement('Allow'), statement('Deny', tagged('red'))], {}, tags)).toBe('ExplicitDeny');
  });

  test('too many of them are refused, so that nobody pays for their combinations', () => {
    const context: Context = {};
    for (const name of 'abcde') Object.assign(context, { [name]: '1', [name.toUpperCase()]: '2' });
    expect(() => readingsOf({ encryptionContext: context }, undefined)).toThrow('differ only in case');
    const tags = Object.keys(context).map((tagKey) => ({ tagKey, tagValue: '' }));
    expect(() => requireTags(tags)).toThrow('differ only in case');
    expect(() => requireTags(tags.slice(0, 8))).not.toThrow();
  });

  test('every value is seen for its name in some reading, and what is not ambiguous is read once', () => {
    const context = fc.dictionary(fc.constantFrom('a', 'A', 'b', 'B', 'c', '1', '__proto__'), fc.string());
    fc.assert(
      fc.property(context, (encryptionContext) => {
        const readings = readingsOf({ encryptionContext }, undefined);
        for (const [name, value] of Object.entries(encryptionContext)) {
          const seen = readings.map(({ facts }) =>
            kmsValues(
              facts,
              { account: '', viaService: undefined },
              undefined,
            )(`kms:encryptioncontext:${name.toLowerCase()}`),
          );
          expect(seen).toContain(value);
        }
        const folded = new Set(Object.keys(encryptionContext).map((name) => name.toLowerCase()));
        if (folded.size === Object.keys(encryptionContext).length) expect(readings).toHaveLength(1);
        for (const { facts } of readings) expect(facts.encryptionContext).toEqual(encryptionContext);
      }),
    );
  });
});
