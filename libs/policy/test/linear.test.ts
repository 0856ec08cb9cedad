import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { compilePolicy, PolicyError } from '../src/index.js';
import { compileArnPattern, compilePattern, type PatternOptions } from '../src/pattern.js';
import { naiveArnLike, naiveResource, naiveWildcards } from './naive/wildcards.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** How many characters of texts are looked at while something runs; the engine's own search counts as its worst case. */
function charactersRead(run: () => unknown): number {
  let count = 0;
  type Method<Argument extends unknown[]> = (this: string, ...of: Argument) => number;
  const charCodeAt: Method<[number]> = Reflect.get(String.prototype, 'charCodeAt');
  const indexOf: Method<[string, number]> = Reflect.get(String.prototype, 'indexOf');
  vi.spyOn(String.prototype, 'charCodeAt').mockImplementation(function (this: string, at: number) {
    count++;
    return charCodeAt.call(this, at);
  });
  vi.spyOn(String.prototype, 'indexOf').mockImplementation(function (this: string, wanted: string, from = 0) {
    const found = indexOf.call(this, wanted, from);
    count += ((found < 0 ? this.length : found) - from + 1) * Math.min(wanted.length, 8) + wanted.length;
    expect(wanted.length).toBeLessThanOrEqual(64);
    return found;
  });
  run();
  vi.restoreAllMocks();
  return count;
}

const options: PatternOptions = { wildcards: true, variables: true };
const nothing = () => undefined;

describe('hostile patterns read no more of a text than several times its length', () => {
  const a = (count: number): string => 'a'.repeat(count);
  test.each<[string, string, string]>([
    ['many stars', '*a'.repeat(3_000) + '?', a(30_000)],
    ['a long segment that ends wrongly', `*${a(3_000)}b*`, a(30_000)],
    ['a long segment that begins wrongly', `*b${a(3_000)}*`, a(30_000)],
    ['a periodic segment', `*${'ab'.repeat(1_500)}b*`, 'ab'.repeat(15_000)],
    ['question marks in a segment', `*${'a?'.repeat(1_500)}b*`, a(30_000)],
    ['question marks alone', `*${'?'.repeat(3_000)}b*`, a(30_000)],
    ['question marks between stars', '*?'.repeat(1_500) + 'b', a(30_000)],
    ['short segments with question marks', '*a?b'.repeat(700), 'aab'.repeat(10_000)],
    ['a short segment', '*aaaaaab*', a(30_000)],
  ])('%s', (_name, pattern, text) => {
    for (const factor of [1, 2]) {
      const long = text.repeat(factor);
      const matches = compilePattern(pattern, options);
      matches('', nothing);
      expect(charactersRead(() => matches(long, nothing))).toBeLessThan(10 * (long.length + pattern.length));
    }
  });

  test('a short segment with a question mark that nearly fits everywhere', () => {
    const matches = compilePattern('*aaaaaa?b*', options);
    expect(charactersRead(() => matches(a(30_000), nothing))).toBeLessThan(20 * 30_000);
  });

  test('a segment that once fitted nearly everywhere', () => {
    const matches = compilePattern(`*${'a?'.repeat(14)}b*`, options);
    matches(a(1_000), nothing);
    expect(charactersRead(() => expect(matches(`${a(30_000)}b`, nothing)).toBe(true))).toBeLessThan(2 * 30_000);
    expect(matches(`b${a(27)}c`, nothing)).toBe(false);
    expect(matches(`b${a(27)}cb`, nothing)).toBe(true);
  });

  test('wildcards inside of a part of an ARN', () => {
    const matches = compilePattern(`arn:aws:kms:${'*a'.repeat(500)}:key/*`, { ...options, arn: true });
    const text = `arn:aws:kms:${a(20_000)}:key/x`;
    matches('', nothing);
    expect(charactersRead(() => expect(matches(text, nothing)).toBe(true))).toBeLessThan(10 * text.length);
  });

  test('values of variables make patterns no worse', () => {
    const matches = compilePattern('*${aws:username}*', options);
    const text = a(20_000);
    const reads = charactersRead(() => matches(text, () => `b${a(3_000)}`));
    expect(reads).toBeLessThan(3 * text.length);
  });
});

test('beginnings of variables are read once', () => {
  for (const piece of ['${', '${a', "${a,'", "${a, '", '${a,   ', '${   ', "${a,'b'", '$', '${*', '{${']) {
    const pattern = piece.repeat(Math.ceil(20_000 / piece.length));
    expect(charactersRead(() => compilePattern(pattern, options)('', nothing))).toBeLessThan(12 * pattern.length);
  }
});

describe('documents are refused before they cost anything', () => {
  const compile = (json: string) => compilePolicy(json, { kind: 'resource', name: 'p' });
  const parse = () => vi.spyOn(JSON, 'parse');

  test.each<[string, () => string]>([
    ['10 MB', () => `{"Statement":[${'{},'.repeat(3_300_000)}{}]}`],
    ['100,000 brackets', () => '['.repeat(100_000)],
    ['100,000 brackets that close', () => `{"Statement":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
    ['100,000 braces', () => '{"a":'.repeat(20_000)],
  ])('%s, unparsed', (_name, document) => {
    const json = document();
    const parsed = parse();
    expect(() => compile(json)).toThrow(PolicyError);
    expect(parsed).not.toHaveBeenCalled();
  });

  test('brackets inside of text are text', () => {
    const statement = { Sid: `${'['.repeat(100)}\\"{{`, Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' };
    expect(() => compile(JSON.stringify({ Statement: statement }))).not.toThrow();
  });

  test('as many names as fit', () => {
    const names = Array.from({ length: 9_000 }, (_, n) => `"k${n}":0`).join();
    expect(() => compile(`{${names}}`)).toThrow(PolicyError);
    expect(() => compile(`{"Statement":{${names}}}`)).toThrow(PolicyError);
  });
});

describe('wildcards match as a naive matcher does', () => {
  const text = (alphabet: string, maxLength: number) =>
    fc.string({ unit: fc.constantFrom(...Array.from(alphabet)), maxLength });
  const runs = { numRuns: 5_000 };

  test('anywhere', () => {
    fc.assert(
      fc.property(text('ab*?', 8), text('ab', 8), (pattern, value) => {
        expect(compilePattern(pattern, options)(value, nothing)).toBe(naiveWildcards(pattern, value));
      }),
      runs,
    );
  });

  test('in long segments', () => {
    const segment = fc
      .tuple(text('ab', 3), fc.integer({ min: 1, max: 90 }))
      .map(([piece, n]) => piece.repeat(n).slice(0, 200));
    fc.assert(
      fc.property(segment, segment, text('ab*?', 4), segment, segment, (before, wanted, wild, behind, given) => {
        const [pattern, value] = [
          `${before}*${wanted}${wild}*${behind}`,
          `${before}${given}${wanted}${given}${behind}`,
        ];
        expect(compilePattern(pattern, options)(value, nothing)).toBe(naiveWildcards(pattern, value));
      }),
      { numRuns: 1_000 },
    );
  });

  test('in segments of which parts fit everywhere', () => {
    const runs = fc.array(fc.constantFrom('a', 'a?', 'aab', '?', 'b', '*'), { maxLength: 14 });
    fc.assert(
      fc.property(runs, text('aab', 60), text('aab', 60), (pieces, first, second) => {
        const pattern = `*${pieces.join('')}*`;
        const matches = compilePattern(pattern, options);
        // The second text may find an automaton that the first has made.
        for (const value of [first, second, `${first}${second}`])
          expect(matches(value, nothing)).toBe(naiveWildcards(pattern, value));
      }),
      { numRuns: 3_000 },
    );
  });

  test('in the Resource element', () => {
    fc.assert(
      fc.property(text('a:*?', 10), text('a:', 10), (pattern, value) => {
        expect(compilePattern(pattern, { ...options, arn: true })(value, nothing)).toBe(naiveResource(pattern, value));
      }),
      runs,
    );
  });

  test('in ArnLike', () => {
    fc.assert(
      fc.property(text('a::*?', 12), text('a::', 12), (pattern, value) => {
        expect(compileArnPattern(pattern, options)(value, nothing)).toBe(naiveArnLike(pattern, value));
      }),
      runs,
    );
  });
});

test.each([
  ['arn:aws:kms:us-*-1:111122223333:key/*', 'arn:aws:kms:us-east-1:111122223333:key/1', true],
  ['arn:aws:kms:us-*1:111122223333:key/*', 'arn:aws:kms:us-east-1:111122223333:key/1', true],
  // A star that does not end its part stays inside of it, one that does may go on.
  ['arn:aws:kms:us-*3:key/*', 'arn:aws:kms:us-east-1:111122223333:key/1', false],
  ['arn:aws:kms:us-*:key/*', 'arn:aws:kms:us-east-1:111122223333:key/1', true],
  ['arn:aws:kms:*', 'arn:aws:kms:us-east-1:111122223333:key/1', true],
  ['arn:aws:kms:us-east-1?111122223333:key/1', 'arn:aws:kms:us-east-1:111122223333:key/1', false],
  // The examples of the guide.
  ['arn:aws:s3:::b/*/test/*', 'arn:aws:s3:::b/1///test///object.jpg', true],
  ['arn:aws:s3:::b/*/test/*', 'arn:aws:s3:::b//test/object.jpg', true],
  ['arn:aws:s3:::b/*/test/*', 'arn:aws:s3:::b/1-test/object.jpg', false],
  ['arn:aws:s3:::b/*/test/*', 'arn:aws:s3:::b/test/object.jpg', false],
  ['arn:aws:s3:::b/a*c', 'arn:aws:s3:::b/a:b:c', true],
])('Resource %s, %s: %s', (pattern, resource, expected) => {
  expect(compilePattern(pattern, { ...options, arn: true })(resource, nothing)).toBe(expected);
});
