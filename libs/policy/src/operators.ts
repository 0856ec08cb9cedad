import { isRange, parseAddress, Ranges, type Address } from './address.js';
import type { ContextLookup } from './context.js';
import { PolicyError } from './error.js';
import { dateOf, numberOf } from './numbers.js';
import { anyPattern, compileArnPattern, compilePattern, type Matcher, type Reading } from './pattern.js';

/** Compares one value of the request with the values of the policy. */
export type Comparison = (value: string, values: ContextLookup) => boolean;

/** A value of a condition as the document has it. */
export type Value = string | number | boolean;

/** One condition operator: how it reads the policy's values, and whether it asserts that none matches. */
export interface Operator {
  /** Prepares the comparison, when a request asks for it. */
  readonly compile: (wanted: readonly Value[], reading: Reading) => Comparison;
  /** Throws PolicyError for values that it does not take; absent where it takes all. Leaves nothing behind: most values are never asked for. */
  readonly check?: (wanted: readonly Value[]) => void;
  readonly negated: boolean;
  /** What comparing with one value of the policy costs beside others; only the order counts. */
  readonly cost: number;
}

type Compile = Operator['compile'];

function anyOf(one: (wanted: string, reading: Reading) => Matcher): Compile {
  return (wanted, reading) => {
    const [only] = wanted;
    if (only !== undefined && wanted.length === 1) return one(String(only), reading);
    return anyPattern(wanted, (value) => one(String(value), reading));
  };
}

const text = (wildcards: boolean, ignoreCase = false): Compile =>
  anyOf((wanted, { variables, shared }) => compilePattern(wanted, { variables, shared, wildcards, ignoreCase }));

const arn = anyOf((wanted, { variables, shared }) => compileArnPattern(wanted, { variables, shared, wildcards: true }));

type Test = (given: number, wanted: number) => boolean;

function ordered(read: (value: string) => number, test: Test): Compile {
  return (wanted) => {
    const limits = wanted.map((value) => read(String(value)));
    return (value) => {
      const given = read(value);
      for (const limit of limits) if (test(given, limit)) return true;
      return false;
    };
  };
}

/** Refuses the first value that is not good. */
function each(what: string, isGood: (value: string) => boolean): NonNullable<Operator['check']> {
  return (wanted) => {
    for (const value of wanted)
      if (!isGood(String(value))) throw new PolicyError(`Invalid ${what} in condition: "${String(value)}".`);
  };
}

const equal = (a: number, b: number): boolean => a === b;
const less = (a: number, b: number): boolean => a < b;
const lessOrEqual = (a: number, b: number): boolean => a <= b;
const greater = (a: number, b: number): boolean => a > b;
const greaterOrEqual = (a: number, b: number): boolean => a >= b;

const bool: Compile = (wanted) => {
  const expected = new Set(wanted.map((value) => String(value).toLowerCase()));
  return (value) => expected.has(value.toLowerCase());
};

function isBoolean(value: string): boolean {
  const lower = value.toLowerCase();
  return lower === 'true' || lower === 'false';
}

/** Bytes of one text as another, so that a set can hold them. */
const bytesOf = (base64: string): string => Buffer.from(base64, 'base64').toString('latin1');

const binary: Compile = (wanted) => {
  const expected = new Set<string>();
  for (const text of new Set(wanted)) expected.add(bytesOf(String(text)));
  return (value) => expected.has(bytesOf(value));
};

/** CIDR ranges or addresses, IPv4 or IPv6. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const address: Compile = (wanted) => {
  const ranges = new Ranges();
  for (const value of wanted) ranges.add(String(value));
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

const positive = (compile: Compile, cost: number): Operator => ({ compile, negated: false, cost });
const negative = (compile: Compile, cost: number): Operator => ({ compile, negated: true, cost });

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
  const check = each(`${kind.toLowerCase()} value`, (value) => !Number.isNaN(read(value)));
  return orderings.map(([name, sign, test]) => [`${kind}${name}`, { ...sign(ordered(read, test), 4), check }]);
}

const checkBoolean = each('boolean value', isBoolean);
const checkAddress = each('IP range', isRange);

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
      Bool: { ...positive(bool, 1), check: checkBoolean },
      BinaryEquals: positive(binary, 4),
      IpAddress: { ...positive(address, 4), check: checkAddress },
      NotIpAddress: { ...negative(address, 4), check: checkAddress },
      ArnEquals: positive(arn, 4),
      ArnLike: positive(arn, 4),
      ArnNotEquals: negative(arn, 4),
      ArnNotLike: negative(arn, 4),
    }),
  ].map(([name, operator]) => [name.toLowerCase(), operator]),
);
