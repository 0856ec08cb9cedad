import { inRange, parseAddress, parseRange, type Address } from './address.js';
import type { ContextLookup } from './context.js';
import { PolicyError } from './error.js';
import { compileArnPattern, compilePattern, type Reading } from './pattern.js';

/** Compares one value of the request with the values of the policy. */
export type Comparison = (value: string, values: ContextLookup) => boolean;

/** One condition operator: how it reads the policy's values, and whether it asserts that none matches. */
export interface Operator {
  readonly compile: (wanted: readonly string[], reading: Reading) => Comparison;
  readonly negated: boolean;
  /** What comparing with one value of the policy costs beside others; only the order counts. */
  readonly cost: number;
}

type One = (wanted: string, reading: Reading) => Comparison;

function anyOf(one: One): Operator['compile'] {
  return (wanted, reading) => {
    const comparisons = wanted.map((value) => one(value, reading));
    const [only] = comparisons;
    if (only !== undefined && comparisons.length === 1) return only;
    return (value, values) => {
      for (const comparison of comparisons) if (comparison(value, values)) return true;
      return false;
    };
  };
}

const text =
  (wildcards: boolean, ignoreCase = false): One =>
  (wanted, { variables, shared }) =>
    compilePattern(wanted, { variables, shared, wildcards, ignoreCase });

const arn: One = (wanted, { variables, shared }) => compileArnPattern(wanted, { variables, shared, wildcards: true });

function numberOf(value: string): number {
  return /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(value.trim()) ? Number(value) : NaN;
}

const dateForm = /^(\d{4}-\d{2})(-\d{2})?(?:T(\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(?:Z|([-+]\d{2})(?::?(\d{2}))?)?)?$/i;

/** Milliseconds since 1970 of an ISO 8601 date or of seconds since 1970; NaN for anything else. */
function dateOf(value: string): number {
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  const [, month, day = '-01', time = '00:00', seconds = ':00', hours, minutes = '00'] = dateForm.exec(value) ?? [];
  if (month === undefined) return NaN;
  // A time without a zone is UTC, whatever the zone of this machine.
  return Date.parse(`${month}${day}T${time}${seconds}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`);
}

function ordered(read: (value: string) => number, kind: string, test: (given: number, wanted: number) => boolean): One {
  return (wanted) => {
    const limit = read(wanted);
    if (Number.isNaN(limit)) throw new PolicyError(`Invalid ${kind} value in condition: "${wanted}".`);
    return (value) => test(read(value), limit);
  };
}

const equal = (a: number, b: number): boolean => a === b;
const less = (a: number, b: number): boolean => a < b;
const lessOrEqual = (a: number, b: number): boolean => a <= b;
const greater = (a: number, b: number): boolean => a > b;
const greaterOrEqual = (a: number, b: number): boolean => a >= b;

const bool: One = (wanted) => {
  const expected = wanted.toLowerCase();
  if (expected !== 'true' && expected !== 'false')
    throw new PolicyError(`Invalid boolean value in condition: "${wanted}".`);
  return (value) => value.toLowerCase() === expected;
};

const binary: One = (wanted) => {
  const expected = Buffer.from(wanted, 'base64');
  return (value) => expected.equals(Buffer.from(value, 'base64'));
};

/** One CIDR range or address, IPv4 or IPv6. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const address: One = (wanted) => {
  const range = parseRange(wanted);
  if (range === undefined) throw new PolicyError(`Invalid IP range in condition: "${wanted}".`);
  return (value) => {
    const given = addressOf(value);
    return given !== undefined && inRange(range, given);
  };
};

let lastAddress: { readonly text: string; readonly address: Address | undefined } = { text: '', address: undefined };

/** The statements of a decision ask about the same address one after the other. */
function addressOf(text: string): Address | undefined {
  if (lastAddress.text !== text) lastAddress = { text, address: parseAddress(text) };
  return lastAddress.address;
}

const positive = (one: One, cost: number): Operator => ({ compile: anyOf(one), negated: false, cost });
const negative = (one: One, cost: number): Operator => ({ compile: anyOf(one), negated: true, cost });

const numeric = (test: (given: number, wanted: number) => boolean): One => ordered(numberOf, 'numeric', test);
const date = (test: (given: number, wanted: number) => boolean): One => ordered(dateOf, 'date', test);

/** All condition operators but Null, by lower-cased name. */
export const operators: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    StringEquals: positive(text(false), 1),
    StringNotEquals: negative(text(false), 1),
    StringEqualsIgnoreCase: positive(text(false, true), 2),
    StringNotEqualsIgnoreCase: negative(text(false, true), 2),
    StringLike: positive(text(true), 3),
    StringNotLike: negative(text(true), 3),
    NumericEquals: positive(numeric(equal), 4),
    NumericNotEquals: negative(numeric(equal), 4),
    NumericLessThan: positive(numeric(less), 4),
    NumericLessThanEquals: positive(numeric(lessOrEqual), 4),
    NumericGreaterThan: positive(numeric(greater), 4),
    NumericGreaterThanEquals: positive(numeric(greaterOrEqual), 4),
    DateEquals: positive(date(equal), 4),
    DateNotEquals: negative(date(equal), 4),
    DateLessThan: positive(date(less), 4),
    DateLessThanEquals: positive(date(lessOrEqual), 4),
    DateGreaterThan: positive(date(greater), 4),
    DateGreaterThanEquals: positive(date(greaterOrEqual), 4),
    Bool: positive(bool, 1),
    BinaryEquals: positive(binary, 4),
    IpAddress: positive(address, 4),
    NotIpAddress: negative(address, 4),
    ArnEquals: positive(arn, 4),
    ArnLike: positive(arn, 4),
    ArnNotEquals: negative(arn, 4),
    ArnNotLike: negative(arn, 4),
  }).map(([name, operator]) => [name.toLowerCase(), operator]),
);
