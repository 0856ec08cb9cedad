import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { constraints, type OperationName } from '../../src/domain/constraints.js';
import { validate } from '../../src/domain/validation.js';

function message(operation: OperationName, request: object): string {
  try {
    validate(request, constraints[operation]);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

const failed = (what: string): string => `1 validation error detected: ${what}`;
const keyId = 'x';

describe("AWS's sentences", () => {
  test.each<[OperationName, object, string]>([
    [
      'Encrypt',
      { keyId, plaintext: new Uint8Array(4097) },
      "Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096",
    ],
    [
      'Encrypt',
      { keyId, plaintext: new Uint8Array() },
      "Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    ['Encrypt', { keyId }, "Value null at 'plaintext' failed to satisfy constraint: Member must not be null"],
    [
      'DescribeKey',
      { keyId: '' },
      "Value '' at 'keyId' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [
      'ListKeys',
      { limit: 0 },
      "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ],
    [
      'ListKeys',
      { limit: 1001 },
      "Value '1001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000",
    ],
    [
      'GenerateDataKey',
      { keyId, keySpec: 'AES' },
      "Value 'AES' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_256, AES_128]",
    ],
    [
      'EnableKeyRotation',
      { keyId, rotationPeriodInDays: 89 },
      "Value '89' at 'rotationPeriodInDays' failed to satisfy constraint: Member must have value greater than or equal to 90",
    ],
    [
      'TagResource',
      { keyId, tags: [{ tagKey: '', tagValue: '' }] },
      "Value '' at 'tags.1.member.tagKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    ['TagResource', { keyId, tags: [] }, "Value null at 'tags' failed to satisfy constraint: Member must not be null"],
    [
      'UntagResource',
      { keyId, tagKeys: ['a', ''] },
      "Value '' at 'tagKeys.2.member' failed to satisfy constraint: Member must have length greater than or equal to 1",
    ],
    [
      'DescribeKey',
      { keyId, grantTokens: Array<string>(11).fill('t') },
      "Value at 'grantTokens' failed to satisfy constraint: Member must have length less than or equal to 10",
    ],
    [
      'GetKeyPolicy',
      { keyId, policyName: 'a b' },
      "Value 'a b' at 'policyName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w]+",
    ],
  ])('%s %#', (operation, request, expected) => {
    expect(message(operation, request)).toBe(failed(expected));
  });

  test('an encryption context of 32 KiB at most', () => {
    const asked = (length: number) => ({
      keyId,
      plaintext: new Uint8Array(1),
      encryptionContext: { a: 'ä'.repeat(length) },
    });
    expect(message('Encrypt', asked(16_383))).toBe('');
    expect(message('Encrypt', asked(16_384))).toContain("Value at 'encryptionContext' failed to satisfy constraint");
  });

  test('all breaches at once', () => {
    expect(message('Encrypt', {})).toBe(
      "2 validation errors detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null; " +
        "Value null at 'plaintext' failed to satisfy constraint: Member must not be null",
    );
  });

  test('what is right passes', () => {
    expect(
      message('Encrypt', {
        keyId,
        plaintext: new Uint8Array(4096),
        grantTokens: [],
        encryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      }),
    ).toBe('');
    expect(message('CreateKey', { tags: [], description: '' })).toBe('');
  });

  test('a quick no and its sentence always agree', () => {
    const request = fc.record({
      ...{ keyId: fc.option(fc.string(), { nil: undefined }), limit: fc.option(fc.integer(), { nil: undefined }) },
      marker: fc.option(fc.string({ maxLength: 1030 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(request, (asked) => {
        const said = message('ListResourceTags', asked);
        expect(said === '' || /^[1-9]\d* validation errors? detected: Value /.test(said)).toBe(true);
      }),
    );
  });
});

test('the sentence about very many breaches is short', () => {
  const sentence = message('UntagResource', { keyId: 'x', tagKeys: Array<string>(100_000).fill('') });
  expect(sentence).toContain("at 'tagKeys.1.member'");
  expect(sentence.length).toBeLessThan(16_384);
});
