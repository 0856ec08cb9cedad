import { KeysteadError } from '@keystead/errors';
import { compilePolicy } from '@keystead/policy';
import { deriveSigningKey } from '@keystead/sigv4';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseIamArn, userArn } from '../src/domain/arn.js';
import { awsManagedPolicies } from '../src/domain/aws-managed-policies.js';
import { checkDocument, checkManagedDocument } from '../src/domain/documents.js';
import * as fields from '../src/domain/fields.js';
import { pageOf, readPage } from '../src/domain/paging.js';
import { checkScope, signingKey } from '../src/domain/signing-keys.js';
import { checkTags, withoutTags, withTags } from '../src/domain/tags.js';

/** Runs something with any input at all: it answers, or refuses with an error of ours. */
function refusesOrAnswers(run: (text: string) => unknown): void {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
      try {
        run(text);
      } catch (error) {
        expect(error).toBeInstanceOf(KeysteadError);
      }
    }),
  );
}

describe('fields', () => {
  test('a missing one is named in IAM’s words', () => {
    expect(() => fields.userName(undefined)).toThrow(
      "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null",
    );
  });

  test.each([
    ['a'.repeat(65), 'Member must have length less than or equal to 64'],
    ['', 'Member must have length greater than or equal to 1'],
    ['a b', 'It must contain only alphanumeric characters and/or the following: +=,.@_-'],
    ['ä', 'It must contain only alphanumeric characters'],
  ])('a user name %j is refused', (name, words) => {
    expect(() => fields.userName(name)).toThrow(words);
  });

  test.each(['/', '/a/', '/a/b c/'.replace(' ', ''), '/!~/'])('a path %j is good', (path) => {
    expect(fields.path(path)).toBe(path);
  });

  test.each(['', 'a/', '/a', '//', '/a//b/', `/${'a'.repeat(512)}/`])('a path %j is refused', (path) => {
    expect(() => fields.path(path)).toThrow(KeysteadError);
  });

  test('every parser refuses or answers, whatever comes', () => {
    for (const parse of [fields.userName, fields.groupName, fields.policyName, fields.accessKeyId, fields.path]) {
      refusesOrAnswers((text) => parse(text));
    }
    refusesOrAnswers((text) => fields.policyArn(text));
    refusesOrAnswers((text) => fields.versionId(text));
    refusesOrAnswers((text) => fields.description(text));
    refusesOrAnswers((text) => parseIamArn(text));
    refusesOrAnswers((text) => readPage({ marker: text }));
    refusesOrAnswers((text) => checkDocument(text, 'p', 6_144));
    refusesOrAnswers((text) => checkTags([{ key: text, value: text }]));
  });
});

describe('ARNs', () => {
  test('are taken apart as they were put together', () => {
    const arn = userArn('123456789012', '/a/b/', 'bob@example.com');
    expect(parseIamArn(arn)).toEqual({ account: '123456789012', type: 'user', path: '/a/b/', name: 'bob@example.com' });
    expect(parseIamArn('arn:aws:iam::123456789012:root')?.type).toBe('root');
    expect(parseIamArn('arn:aws:iam::12345678901:root')).toBeUndefined();
  });
});

describe('pages', () => {
  test('together are the whole list, in order, whatever the size', () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 40 });
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 50 }), (all, maxItems) => {
        const seen: string[] = [];
        let marker: string | undefined;
        do {
          const page = pageOf(all, readPage({ maxItems, marker }), (name) => name);
          seen.push(...page.items);
          expect(page.isTruncated).toBe(page.marker !== undefined);
          ({ marker } = page);
        } while (marker !== undefined);
        expect(seen).toEqual([...all].sort((a, b) => (a < b ? -1 : 1)));
      }),
    );
  });
});

describe('tags', () => {
  test('are one for each key, in whatever case', () => {
    expect(() => checkTags([{ key: 'A', value: '1' }, { key: 'a', value: '2' }])).toThrow('Duplicate tag keys found'); // prettier-ignore
    expect(withTags([{ key: 'A', value: '1' }], [{ key: 'a', value: '2' }])).toEqual([{ key: 'a', value: '2' }]);
    expect(withoutTags([{ key: 'A', value: '1' }], ['a'])).toEqual([]);
  });

  test('are fifty at most', () => {
    const fifty = Array.from({ length: 50 }, (_, i) => ({ key: `k${i}`, value: '' }));
    expect(() => withTags(fifty, [{ key: 'one more', value: '' }])).toThrow(
      'The number of tags has reached the maximum limit.',
    );
  });
});

describe('signing keys', () => {
  const now = new Date('2026-11-22T00:30:00Z');
  const scope = { date: '20261122', region: 'us-east-1', service: 'kms' };

  test('are those of SigV4', () => {
    const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
    expect(signingKey(Buffer.from(secret), scope)).toEqual(deriveSigningKey(secret, '20261122', 'us-east-1', 'kms'));
  });

  test.each([
    ['20261115', true],
    ['20261123', true],
    ['20261114', false],
    ['20261124', false],
  ])('are given for %s: %s', (date, given) => {
    const check = () => checkScope({ ...scope, date }, now);
    if (given) expect(check()).toMatchObject({ date });
    else expect(check).toThrow(KeysteadError);
  });
});

test('AWS’s own policies can be evaluated, and fit their quota', () => {
  for (const [arn, { version }] of awsManagedPolicies) {
    expect(() => compilePolicy(version.document, { kind: 'identity', name: arn })).not.toThrow();
    expect(version.document.replace(/\s/g, '').length).toBeLessThanOrEqual(6144);
  }
});

describe('documents', () => {
  const written = (Resource: string | string[], more: object = { Version: '2012-10-17' }) =>
    JSON.stringify({ ...more, Statement: { Effect: 'Allow', Action: 's3:*', Resource } });
  const check = (document: string) => checkDocument(document, 'p', 6_144);

  test.each([
    ['arn:aws:iam:us-east-1::user/a', 'IAM resource arn:aws:iam:us-east-1::user/a cannot contain region information.'],
    ['arn:aws:iam::111122223333:bucket', 'IAM resource path must either be "*", root, or start with user/, '],
    ['arn:aws:iam::*:*/cdk-*', 'IAM resource path must either be'],
    ['arn:aws:s3:us-east-1::bucket', 'Resource arn:aws:s3:us-east-1::bucket can not contain region information.'],
    ['arn:aws:s3::bucket', 'The policy failed legacy parsing'],
  ])('a resource %s is refused, as IAM refuses it', (resource, message) => {
    expect(() => check(written(resource))).toThrow(message);
    expect(() => check(written(['*', resource]))).toThrow(message);
    expect(() => check(written(resource).replace('Resource', 'NotResource'))).toThrow(message);
  });

  test.each([
    'arn:aws:iam::111122223333:root',
    'arn:aws:iam::*:*',
    'arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}',
    'arn:aws:iam::111122223333:${aws:PrincipalTag/kind}/x',
    'arn:aws:s3:us-east-1:111122223333:accesspoint/a',
    'arn:aws:s3',
    'arn:aws:ec2:*:*:instance/*',
  ])('a resource %s is taken', (resource) => {
    expect(check(written(resource))).toContain(resource);
  });

  test('managed policies are of the version that has variables, inline ones may be older', () => {
    for (const version of [{}, { Version: '2008-10-17' }]) {
      const message = 'Policy document must be version 2012-10-17 or greater.';
      expect(() => checkManagedDocument(written('*', version), 'p', 6_144)).toThrow(message);
      expect(() => check(written('*', version))).not.toThrow();
    }
    expect(() => checkManagedDocument(written('*'), 'p', 6_144)).not.toThrow();
  });
});
