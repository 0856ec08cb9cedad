import { KeysteadError } from '@keystead/errors';
import { readHeaders, readTarget } from '@keystead/sigv4';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cloudTrailApi } from '../src/aws/cloudtrail/index.js';
import { iam } from '../src/aws/iam/index.js';
import { readTarget as readJsonTarget } from '../src/aws/json/target.js';
import { parseJson } from '../src/aws/json/serve.js';
import { kmsApi } from '../src/aws/kms/index.js';
import { formOf, parseForm } from '../src/aws/query/form.js';
import { escapeXml, resultXml } from '../src/aws/query/xml.js';
import { sts } from '../src/aws/sts/index.js';
import { route } from '../src/http/route.js';

/** The code of the refusal, undefined for success; anything but a refusal is thrown on. */
function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof KeysteadError) return error.code;
    throw error;
  }
}

const jsonOperations = [...kmsApi.operations.values(), ...cloudTrailApi.operations.values()];
const queryOperations = [...iam.operations.values(), ...sts.operations.values()];
const members = [
  'KeyId',
  'Plaintext',
  'EncryptionContext',
  'GrantTokens',
  'Tags',
  'TagKey',
  'Limit',
  'DryRun',
  'StartTime',
];

describe('JSON', () => {
  test('any document gives a message or SerializationException', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom<unknown>('AA==', {}, [], 5, -1, 1e99, true, '', [[]], { a: 'b' }),
    );
    const document = fc.oneof(value, fc.dictionary(fc.constantFrom(...members), value));
    fc.assert(
      fc.property(fc.constantFrom(...jsonOperations), document, (operation, given) => {
        expect([undefined, 'Serialization']).toContain(codeOf(() => operation.read(given)));
      }),
      { numRuns: 5_000 },
    );
  });

  test('any bytes give a document or SerializationException', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect([undefined, 'Serialization']).toContain(codeOf(() => parseJson(Buffer.from(bytes))));
      }),
    );
  });

  test('members become fields, and what was not sent is absent', () => {
    const encrypt = kmsApi.operations.get('Encrypt');
    const document = { KeyId: 'k', Plaintext: 'aGk=', EncryptionContext: { a: 'b' }, DryRun: null, Unknown: 1 };
    expect(encrypt?.read(document)).toEqual({
      keyId: 'k',
      plaintext: Buffer.from('hi'),
      encryptionContext: { a: 'b' },
      grantTokens: [],
    });
  });

  test('a map keeps every key', () => {
    const document: unknown = JSON.parse('{"KeyId":"k","EncryptionContext":{"__proto__":"x","constructor":"y"}}');
    const message = kmsApi.operations.get('Encrypt')?.read(document) as { encryptionContext: Record<string, string> };
    expect(Object.entries(message.encryptionContext)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  test('blobs of 300 kB are read in linear time', () => {
    const began = performance.now();
    for (const Plaintext of ['A'.repeat(300_000), `${'A'.repeat(300_000)}!`, '='.repeat(300_000)]) {
      codeOf(() => kmsApi.operations.get('Encrypt')?.read({ Plaintext }));
    }
    expect(performance.now() - began).toBeLessThan(500);
  });

  test('targets', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(readJsonTarget(text)).toBeUndefined();
        expect(readJsonTarget(`TrentService.${text}`)).toEqual({ api: kmsApi, operation: text });
      }),
    );
  });
});

describe('Query', () => {
  const part = fc.oneof(
    fc.string({ maxLength: 10 }),
    fc.constantFrom(
      'Action',
      '=',
      '&',
      '%',
      '%41',
      '%zz',
      '+',
      'Tags.member.1.Key',
      'Tags.member.',
      'MaxItems',
      '1',
      '99999',
    ),
  );
  const body = fc.array(part, { maxLength: 30 }).map((parts) => parts.join(''));

  test('any form gives a message, MalformedQueryString or ValidationError', () => {
    fc.assert(
      fc.property(fc.constantFrom(...queryOperations), body, (operation, text) => {
        const code = codeOf(() => operation.read(parseForm(text)));
        expect([undefined, 'Serialization', 'Validation']).toContain(code);
      }),
      { numRuns: 5_000 },
    );
  });

  test('lists are read in the order of their numbers', () => {
    const form = parseForm('UserName=a&Tags.member.10.Key=c&Tags.member.2.Key=b&Tags.member.2.Value=x+y%2B');
    expect(iam.operations.get('TagUser')?.read(form)).toEqual({
      userName: 'a',
      tags: [{ key: 'b', value: 'x y+' }, { key: 'c' }],
    });
    expect(iam.operations.get('UntagUser')?.read(parseForm('TagKeys.member.1=k'))).toEqual({ tagKeys: ['k'] });
  });

  test('parameters of a signature are not the operation’s', () => {
    expect([
      ...formOf([
        ['Action', 'x'],
        ['X-Amz-Date', 'y'],
      ]).keys(),
    ]).toEqual(['Action']);
  });
});

describe('XML', () => {
  test('nothing escapes from an element', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(escapeXml(text)).not.toMatch(/[<>"'\p{Cc}]|&(?!amp;|lt;|gt;|quot;|#\d+;)/u);
      }),
    );
  });

  test('results: dates, lists, maps, and policies percent-encoded', () => {
    const message = {
      user: {
        userName: 'a&b',
        createDate: new Date('2026-11-22T18:00:00.123Z'),
        tags: [],
        permissionsBoundary: undefined,
      },
      policyNames: ['p', 'q'],
      users: [],
      policyDocument: '{"a":"b c"}',
      isTruncated: false,
      summaryMap: { Users: 1 },
    };
    expect(resultXml(message)).toBe(
      '<User><UserName>a&amp;b</UserName><CreateDate>2026-11-22T18:00:00Z</CreateDate></User>' +
        '<PolicyNames><member>p</member><member>q</member></PolicyNames><Users></Users>' +
        '<PolicyDocument>%7B%22a%22%3A%22b%20c%22%7D</PolicyDocument><IsTruncated>false</IsTruncated>' +
        '<SummaryMap><entry><key>Users</key><value>1</value></entry></SummaryMap>',
    );
  });
});

describe('routes', () => {
  const head = (method: string, target: string, headers: Record<string, string> = {}) => ({
    method,
    target: readTarget(target),
    headers: readHeaders(Object.entries(headers).flat()),
  });
  const signed = (service: string) => ({
    authorization: `AWS4-HMAC-SHA256 Credential=AKID/20261122/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=x`,
  });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  test.each([
    ['POST', '/', { 'x-amz-target': 'TrentService.Encrypt' }, 'json'],
    ['POST', '/', form, 'query'],
    ['POST', '/', { ...form, ...signed('iam') }, 'query'],
    ['POST', '/', { ...form, ...signed('s3') }, 's3'],
    ['GET', '/?Action=GetCallerIdentity&Version=2011-06-15', {}, 'query'],
    ['GET', '/', signed('s3'), 's3'],
    ['GET', '/', {}, 's3'],
    ['POST', '/bucket?delete', form, 's3'],
    ['PUT', '/bucket/key', { 'x-amz-target': 'x' }, 's3'],
    ['GET', '/_keystead/health', {}, 'own'],
    ['GET', '/?X-Amz-Credential=A%2F20261122%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Signature=x', {}, 'query'],
    ['GET', '/?X-Amz-Credential=A%2F20261122%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=x', {}, 's3'],
  ] as const)('%s %s', (method, target, headers, kind) => {
    expect(route(head(method, target, headers)).kind).toBe(kind);
  });

  test('whatever is asked for has a route', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (target, value) => {
        expect(['json', 'query', 's3', 'own']).toContain(route(head('POST', target, { authorization: value })).kind);
      }),
    );
  });
});
