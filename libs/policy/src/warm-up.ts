import { setImmediate as nextTurn } from 'node:timers/promises';
import { compilePolicy, type CompiledPolicy } from './compile.js';
import type { PolicyKind } from './document.js';
import { evaluate } from './evaluate.js';

/** A kind of document: statements with that many of something. */
interface Sample {
  readonly kind: PolicyKind;
  readonly statements: (count: number) => readonly object[];
}

const times = <T>(count: number, one: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => one(n));

const account = '111122223333';
const everyone = { Principal: '*' };
const anything = { Effect: 'Allow', Action: '*', Resource: '*' };
const identity = (statements: Sample['statements']): Sample => ({ kind: 'identity', statements });
const resource = (statements: Sample['statements']): Sample => ({ kind: 'resource', statements });
const list = (element: string, one: (n: number) => unknown): Sample =>
  identity((count) => [{ ...anything, [element]: times(count, one) }]);
const values = (operator: string, one: (n: number) => unknown): Sample =>
  identity((count) => [{ ...anything, Condition: { [operator]: { 'aws:username': times(count, one) } } }]);
const principals = (kind: string, one: (n: number) => string): Sample =>
  resource((count) => [{ Principal: { [kind]: times(count, one) }, ...anything }]);
const named = (count: number, one: (n: number) => [string, unknown]): unknown => Object.fromEntries(times(count, one));

/** The bits of a number as upper and lower case: operators know none. */
const cased = (name: string, n: number): string =>
  Array.from(name, (letter, bit) => ((n >> bit) & 1 ? letter.toUpperCase() : letter)).join('');

/** What takes ways of its own through the compiler, or through what decisions prepare. */
const samples: readonly Sample[] = [
  resource((count) => [
    { ...everyone, ...anything, Condition: { StringEquals: named(count, (n) => [`_${n.toString(36)}`, n]) } },
  ]),
  identity((count) => [
    { ...anything, Condition: { Bool: named(count, (n) => [`aws:RequestTag/${n}`, n % 2 === 0]) } },
  ]),
  identity((count) => [{ ...anything, Condition: named(count, (n) => [cased('numericequals', n), { a: n }]) }]),
  resource((count) =>
    times(count, (n) => ({
      ...{ Sid: `s${n}`, Effect: n % 2 === 0 ? 'Deny' : 'Allow', Principal: { AWS: account }, NotAction: 'a:b' },
      ...{ Resource: '*', Condition: { Bool: { [`a${n % 50}`]: 'true' }, IpAddress: { a: '::/0' } } },
    })),
  ),
  resource((count) => times(count, () => ({ Effect: 'Deny', ...everyone }))),
  principals('AWS', (n) => String(100_000_000_000 + n)),
  principals('AWS', (n) => `arn:aws:iam::${account}:user/${n}`),
  principals('Service', (n) => `s${n}.amazonaws.com`),
  list('Action', () => 'a:b'),
  list('Action', (n) => `a:${n}*`),
  list('Resource', () => '*'),
  list('Resource', (n) => `arn:aws:s3:::*${n}?*`),
  list('Resource', (n) => `arn:aws:s3:*-${n}:*`),
  identity((count) => [
    { Effect: 'Deny', Action: '*', NotResource: times(count, () => "arn:aws:s3:::${aws:username, 'c'}") },
  ]),
  values('StringEquals', (n) => (1 + (n % 9)) / 1e7),
  values('StringEquals', (n) => [n, `${n}`, n % 2 === 0][n % 3]),
  values('StringEqualsIgnoreCase', (n) => `"\\${n}`),
  values('StringLike', (n) => `*${n}?*`),
  values('StringNotLike', (n) => `*${n}-abc?f*`),
  values('ForAnyValue:StringLike', () => '${aws:userid}'),
  values('ArnLike', (n) => `a:${n}:*:*:*:*`),
  values('BinaryEquals', (n) => btoa(String(n))),
  values('IpAddress', (n) => `10.0.${n >> 8}.${n & 255}`),
  values('IpAddress', (n) => `200.0.${n >> 8}.${n & 255}/31`),
  values('NotIpAddress', (n) => `${n.toString(16)}::/64`),
  values('DateLessThan', (n) => String(n)),
  values('DateEquals', (n) => `2026-01-01T00:${10 + (n % 50)}`),
  values('NumericEquals', (n) => n),
  values('NumericLessThanIfExists', (n) => `${n}.5e-9`),
  values('Bool', (n) => n % 2 === 0),
  values('Bool', (n) => String(n % 2 === 0)),
  values('Null', (n) => n % 2 === 0),
];

/**
 * So many documents of each kind, first small ones: what V8 optimizes before it has seen all kinds is soon thrown away.
 * Many of middle size make it compile as well as few large ones, and hold other work up for less long.
 */
const smallRounds = 10;
const rounds = 28;
const characters = 4_000;

function documentOf({ statements }: Sample, count: number): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements(count) });
}

function countOf(sample: Sample): number {
  return Math.floor((characters * 100) / (documentOf(sample, 110).length - documentOf(sample, 10).length));
}

const texts = [`arn:aws:s3:::${'z'.repeat(64)}`, '10.1.2.3', 'true', '2026-11-29T10:00:00Z'];

function compileAndAsk(kind: PolicyKind, json: string, text: string): CompiledPolicy {
  const policy = compilePolicy(json, { kind, name: 'warm-up' });
  const decides = kind === 'resource';
  evaluate({
    ...{ action: 's3:GetObject', resource: text, resourceAccount: account, values: () => text },
    principal: { arn: `arn:aws:iam::${account}:user/x`, account },
    identity: decides ? [] : [policy],
    resourcePolicy: decides ? policy : undefined,
    resourcePolicyDecides: decides,
  });
  return policy;
}

/**
 * One object of each shape that there is: when the last of a shape is collected, V8 throws away what it has optimized for it.
 */
const kept: unknown[] = [];

async function compileSamples(): Promise<void> {
  for (let round = 0; round < smallRounds; round++) {
    for (const sample of samples) {
      const json = documentOf(sample, 3);
      for (const text of texts) {
        const policy = compileAndAsk(sample.kind, json, text);
        if (round === 0) kept.push(policy, JSON.parse(json));
      }
    }
    await nextTurn();
  }
  const documents = samples.map((sample) => ({ kind: sample.kind, json: documentOf(sample, countOf(sample)) }));
  for (let round = 0; round < rounds; round++) {
    for (const { kind, json } of documents) {
      compileAndAsk(kind, json, texts[round % texts.length] ?? '');
      await nextTurn();
    }
  }
}

let warming: Promise<void> | undefined;

/**
 * Makes V8 compile the engine, once in a process, so that the first large policy takes no longer than others: some 300 ms
 * of work in small pieces, between which others have their turn.
 */
export function warmUp(): Promise<void> {
  return (warming ??= compileSamples());
}
