import type { PolicyKind } from '@keystead/policy';
import { documentOf } from './mixture.js';

/** A document of a size that its service takes. */
export interface Legal {
  readonly name: string;
  readonly kind: PolicyKind;
  readonly json: string;
}

/** Statements with that much of one kind of content. */
type Fill = (count: number) => object[];

const times = <T>(count: number, one: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => one(n));

const statement = { Effect: 'Allow', Action: '*', Resource: '*' };
const about = (condition: object): object[] => [{ ...statement, Condition: condition }];
const values =
  (operator: string, one: (n: number) => unknown): Fill =>
  (count) =>
    about({ [operator]: { 'ec2:x': times(count, one) } });
const list =
  (element: string, one: (n: number) => string): Fill =>
  (count) => [{ ...statement, [element]: times(count, one) }];

/** Short names, each another: a, b, … z, aa, … */
function nameOf(n: number): string {
  const last = String.fromCharCode(97 + (n % 26));
  return n < 26 ? last : nameOf(Math.floor(n / 26) - 1) + last;
}

/** Another spelling for each number: operators and condition keys know no case. */
const cased = (name: string, n: number): string =>
  Array.from(name, (letter, bit) => ((n >> bit) & 1 ? letter.toUpperCase() : letter.toLowerCase())).join('');

/** Each kind of content, as short as it can be written, so that as many as possible fit. */
const fills: Readonly<Record<string, Fill>> = {
  statements: (count) => times(count, () => ({ ...statement, Action: 'a:b' })),
  'statements with a Sid': (count) => times(count, (n) => ({ Sid: nameOf(n), ...statement })),
  'statements with conditions': (count) =>
    times(count, (n) => ({ ...statement, Condition: { Bool: { [nameOf(n)]: 'true' }, IpAddress: { a: '::/0' } } })),
  actions: list('Action', (n) => `a:${n}*`),
  'actions of one letter': list('Action', () => 'a:b'),
  resources: list('Resource', (n) => `arn:aws:s3:::*${n}?*`),
  'resources with stars inside of a part': list('Resource', (n) => `arn:aws:s3:*-${n}:*`),
  'resources that are all': list('Resource', () => '*'),
  'resources with variables': list('Resource', () => "arn:aws:s3:::${a:b,'c'}"),
  'text values': values('StringLike', (n) => `*${n}?*`),
  'text values with longer segments': values('StringLike', (n) => `*${n}-abc?f*`),
  'escaped text': values('StringEquals', () => '\u0001"\\'),
  'empty text': values('StringEquals', () => ''),
  variables: values('StringLike', () => '${a:b}'),
  'variables with defaults': values('StringLike', () => "${a,'b'}"),
  'ARN values': values('ArnLike', () => 'a:*:*:*:*:*'),
  'binary values': values('BinaryEquals', () => ''),
  'addresses of IPv6': values('IpAddress', () => '::/0'),
  'addresses of IPv4': values('NotIpAddress', (n) => `10.0.${n >> 8}.${n & 255}`),
  dates: values('DateLessThan', (n) => String(n)),
  'dates with a time': values('DateEquals', (n) => `2026-01-01T00:${10 + (n % 50)}`),
  numbers: values('NumericEquals', () => 1),
  'long numbers': values('NumericEquals', (n) => `${n}.${'1'.repeat(40)}e-9`),
  'fractions that are no text': values('StringEquals', (n) => (1 + (n % 9)) / 10 ** (7 + (n % 3))),
  'truth values': values('Bool', () => true),
  'condition keys': (count) => about({ StringEquals: Object.fromEntries(times(count, (n) => [nameOf(n), 1])) }),
  'condition keys with tags': (count) =>
    about({ Bool: Object.fromEntries(times(count, (n) => [`aws:RequestTag/${n}`, true])) }),
  operators: (count) => about(Object.fromEntries(times(count, (n) => [cased('NumericEquals', n), { a: 1 }]))),
  'one long pattern': (count) => [{ ...statement, Resource: `arn:aws:s3:::*${'?a'.repeat(count)}*` }],
};

const everyone = { Principal: '*' };
const principals =
  (kind: string, one: (n: number) => string): Fill =>
  (count) => [{ ...statement, Principal: { [kind]: times(count, one) } }];

/** What only policies with principals can have. */
const resourceFills: Readonly<Record<string, Fill>> = {
  'accounts as principals': principals('AWS', (n) => String(100_000_000_000 + n)),
  'users as principals': principals('AWS', (n) => `arn:aws:iam::111122223333:user/${n}`),
  'everybody as principal': principals('AWS', () => '*'),
  'services as principals': principals('Service', () => 'a.amazonaws.com'),
  'statements without an action': (count) => times(count, () => ({ Effect: 'Deny', ...everyone })),
};

const withEveryone: (make: Fill) => Fill = (make) => (count) =>
  make(count).map((one) => ('Principal' in one ? one : { ...one, ...everyone }));

/** IAM does not count white space, and takes this many characters. */
const mostCharacters = 131_072;

/** The largest document of each kind of content that fits each quota. */
export function largestLegal(): Legal[] {
  const all = (quota: string, kind: PolicyKind, limit: number, by: Readonly<Record<string, Fill>>): Legal[] =>
    Object.entries(by).map(([fill, make]) => ({ name: `${quota}: ${fill}`, kind, json: largest(make, limit) }));
  const keyPolicies = Object.entries({ ...fills, ...resourceFills }).map(([name, make]) => [name, withEveryone(make)]);
  const managed = all('managed policy, 6,144 characters', 'identity', 6_144, fills);
  return [
    ...all('key policy, 32 KiB', 'resource', 32_768, Object.fromEntries(keyPolicies) as Record<string, Fill>),
    ...all('inline policy of a role, 10,240 characters', 'identity', 10_240, fills),
    ...managed.map((legal) => ({ ...legal, name: `${legal.name}, white space`, json: spread(legal.json) })),
  ];
}

/** The same document with white space between its tokens, as much as travels. */
function spread(json: string): string {
  const gaps = json.split(',').length - 1;
  return json.replaceAll(',', `,${' '.repeat(Math.floor((mostCharacters - json.length) / Math.max(gaps, 1)))}`);
}

function largest(make: Fill, limit: number): string {
  const json = (count: number): string => documentOf(make(count));
  let [fits, tooMany] = [1, limit];
  while (tooMany - fits > 1) {
    const middle = (fits + tooMany) >>> 1;
    if (Buffer.byteLength(json(middle)) <= limit) fits = middle;
    else tooMany = middle;
  }
  return json(fits);
}
