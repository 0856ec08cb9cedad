import { parseAddress, Ranges, type Address } from './address.js';
import type { ContextLookup } from './context.js';
import { PolicyError } from './error.js';
import { dateOf, numberOf } from './numbers.js';
import { compileArnPattern, compilePattern, type Matcher, type Reading } from './pattern.js';

/** Compares one value of the request with the values of the policy. */
export type Comparison = (value: string, values: ContextLookup) => boolean;

/** A value of a condition as the document has it. */
export type Value = string | number | boolean;

/** One condition operator: how it reads the policy's values, and whether it asserts that none matches. */
export interface Operator {
  readonly compile: (wanted: readonly Value[], reading: Reading) => Comparison;
  /** It refuses some values, and therefore reads them when the policy is written; others wait until somebody asks. */
  readonly refuses: boolean;
  readonly negated: boolean;
  /** What comparing with one value of the policy costs beside others; only the order counts. */
  readonly cost: number;
}

type Compile = Operator['compile'];

function anyOf(one: (wanted: string, reading: Reading) => Matcher): Compile {
  return (wanted, reading) => {
    const matchers = wanted.map((value) => one(String(value), reading));
    const [only] = matchers;
    if (only !== undefined && matchers.length === 1) return only;
    return (value, values) => {
      for (const matches of matchers) if (matches(value, values)) return true;
      return false;
    };
  };
}

const text = (wildcards: boolean, ignoreCase = false): Compile =>
  anyOf((wanted, { variables, shared }) => compilePattern(wanted, { variables, shared, wildcards, ignoreCase }));

const arn = anyOf((wanted, { variables, shared }) => compileArnPattern(wanted, { variables, shared, wildcards: true }));

type Test = (given: number, wanted: number) => boolean;

function ordered(read: (value: string) => number, kind: string, test: Test): Compile {
  return (wanted) => {
    const limits = wanted.map((value) => {
      const limit = read(String(value));
      if (Number.isNaN(limit)) throw new PolicyError(`Invalid ${kind} value in condition: "${String(value)}".`);
      return limit;
    });
    return (value) => {
      const given = read(value);
      for (const limit of limits) if (test(given, limit)) return true;
      return false;
    };
  };
}

const equal = (a: number, b: number): boolean => a === b;
const less = (a: number, b: number): boolean => a < b;
const lessOrEqual = (a: number, b: number): boolean => a <= b;
const greater = (a: number, b: number): boolean => a > b;
const greaterOrEqual = (a: number, b: number): boolean => a >= b;

const bool: Compile = (wanted) => {
  const expected = new Set<string>();
  for (const value of wanted) {
    const lower = String(value).toLowerCase();
    if (lower !== 'true' && lower !== 'false')
      throw new PolicyError(`Invalid boolean value in condition: "${String(value)}".`);
    expected.add(lower);
  }
  return (value) => expected.has(value.toLowerCase());
};

const binary: Compile = anyOf((wanted) => {
  const expected = Buffer.from(wanted, 'base64');
  return (value) => expected.equals(Buffer.from(value, 'base64'));
});

/** CIDR ranges or addresses, IPv4 or IPv6. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const address: Compile = (wanted) => {
  const ranges = new Ranges();
  for (const value of wanted)
    if (!ranges.add(String(value))) throw new PolicyError(`Invalid IP range in condition: "${String(value)}".`);
  return (value) => {
    const given = addressOf(value);
    return given !== undefined && ranges.includes(given);
  };
};

let lastAddress: { readonly text: string; readonly address: Address | undefined } = { text: '', address: undefined };

/** The statements of a decision ask about the same address one after the other. */
function addressOf(text: string): Address | undefined {
  if (lastAddress.text !== text) lastAddress = { text, address: parseAddress(text) };
  return lastAddress.address;
}

const positive = (compile: Compile, cost: number): Operator => ({ compile, refuses: false, negated: false, cost });
const negative = (compile: Compile, cost: number): Operator => ({ ...positive(compile, cost), negated: true });
/** The same, of an operator that refuses some values. */
const strict = (operator: Operator): Operator => ({ ...operator, refuses: true });

type Sign = (compile: Compile, cost: number) => Operator;

/** NumericEquals, DateLessThan and so on: numbers and dates are compared in the same six ways. */
const orderings: readonly (readonly [name: string, sign: Sign, test: Test])[] = [
  ['Equals', positive, equal],
  ['NotEquals', negative, equal],
  ['LessThan', positive, less],
  ['LessThanEquals', positive, lessOrEqual],
  ['GreaterThan', positive, greater],
  ['GreaterThanEquals', positive, greaterOrEqual],
];

function orderedBy(kind: string, read: (value: string) => number): [string, Operator][] {
  return orderings.map(([name, sign, test]) => [
    `${kind}${name}`,
    strict(sign(ordered(read, kind.toLowerCase(), test), 4)),
  ]);
}

/** All condition operators but Null, by lower-cased name. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  [
    ...orderedBy('Numeric', numberOf),
    ...orderedBy('Date', dateOf),
    ...Object.entries({
      StringEquals: positive(text(false), 1),
      StringNotEquals: negative(text(false), 1),
      StringEqualsIgnoreCase: positive(text(false, true), 2),
      StringNotEqualsIgnoreCase: negative(text(false, true), 2),
      StringLike: positive(text(true), 3),
      StringNotLike: negative(text(true), 3),
      Bool: strict(positive(bool, 1)),
      BinaryEquals: positive(binary, 4),
      IpAddress: strict(positive(address, 4)),
      NotIpAddress: strict(negative(address, 4)),
      ArnEquals: positive(arn, 4),
      ArnLike: positive(arn, 4),
      ArnNotEquals: negative(arn, 4),
      ArnNotLike: negative(arn, 4),
    }),
  ].map(([name, operator]) => [name.toLowerCase(), operator]),
);
