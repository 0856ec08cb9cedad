// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
import { naiveArnLike, naiveWildcards, plain } from './wildcards.js';

/** The request's condition keys, lower-cased. */
export type NaiveContext = Readonly<Record<string, string | readonly string[] | undefined>>;

type Test = (given: string, wanted: string) => boolean;

const number = (test: (given: number, wanted: number) => boolean): Test => {
  return (given, wanted) => test(Number.parseFloat(given), Number.parseFloat(wanted));
};
const date = (test: (given: number, wanted: number) => boolean): Test => {
  return (given, wanted) => test(moment(given), moment(wanted));
};
const moment = (text: string): number => (/^\d+$/.test(text) ? Number(text) * 1_000 : new Date(text).getTime());

const tests: Readonly<Record<string, Test>> = {
  StringEquals: (given, wanted) => given === plain(wanted),
  StringEqualsIgnoreCase: (given, wanted) => given.toUpperCase() === plain(wanted).toUpperCase(),
  StringLike: (given, wanted) => naiveWildcards(wanted, given),
  NumericEquals: number((given, wanted) => given === wanted),
  NumericLessThan: number((given, wanted) => given < wanted),
  NumericLessThanEquals: number((given, wanted) => given <= wanted),
  NumericGreaterThan: number((given, wanted) => given > wanted),
  NumericGreaterThanEquals: number((given, wanted) => given >= wanted),
  DateEquals: date((given, wanted) => given === wanted),
  DateLessThan: date((given, wanted) => given < wanted),
  DateLessThanEquals: date((given, wanted) => given <= wanted),
  DateGreaterThan: date((given, wanted) => given > wanted),
  DateGreaterThanEquals: date((given, wanted) => given >= wanted),
  Bool: (given, wanted) => given.toLowerCase() === wanted.toLowerCase(),
  BinaryEquals: (given, wanted) =>
    Buffer.from(given, 'base64').toString('hex') === Buffer.from(wanted, 'base64').toString('hex'),
  IpAddress: (given, wanted) => inNetwork(given, wanted),
  ArnEquals: (given, wanted) => naiveArnLike(wanted, given),
  ArnLike: (given, wanted) => naiveArnLike(wanted, given),
};

/** Operators that assert that no value matches, and the one that they negate. */
const negations: Readonly<Record<string, string>> = {
  StringNotEquals: 'StringEquals',
  StringNotEqualsIgnoreCase: 'StringEqualsIgnoreCase',
  StringNotLike: 'StringLike',
  NumericNotEquals: 'NumericEquals',
  DateNotEquals: 'DateEquals',
  NotIpAddress: 'IpAddress',
  ArnNotEquals: 'ArnEquals',
  ArnNotLike: 'ArnLike',
};

export const naiveOperators: readonly string[] = [...Object.keys(tests), ...Object.keys(negations)];

/** Whether one operator on one key holds. `expand` replaces variables; undefined is a variable without a value. */
export function naiveHolds(
  operator: string,
  key: string,
  wanted: readonly string[],
  context: NaiveContext,
  expand: (value: string) => string | undefined,
): boolean {
  const found = context[key.toLowerCase()];
  const given = found === undefined ? [] : typeof found === 'string' ? [found] : found;
  if (operator === 'Null') return wanted.includes(given.length === 0 ? 'true' : 'false');
  const { set, name, ifExists } = taken(operator);
  if (ifExists && given.length === 0) return true;
  const [test, negated] = [tests[negations[name] ?? name], name in negations];
  if (test === undefined) throw new Error(`no operator ${operator}`);
  const matchesAny = (value: string): boolean =>
    wanted.some((each) => {
      const text = expand(each);
      return text !== undefined && test(value, text);
    });
  const holds = (value: string): boolean => matchesAny(value) !== negated;
  if (set === 'ForAllValues') return given.every(holds);
  if (set === 'ForAnyValue') return given.some(holds);
  return negated ? !given.some(matchesAny) : given.some(matchesAny);
}

function taken(operator: string): { set: string; name: string; ifExists: boolean } {
  const [, set = '', name = '', ifExists] = /^(?:(\w+):)?(\w+?)(IfExists)?$/.exec(operator) ?? [];
  return { set, name, ifExists: ifExists !== undefined };
}

function inNetwork(address: string, network: string): boolean {
  const [base = '', bits] = network.split('/');
  const [given, wanted] = [binary(address), binary(base)];
  const length = bits === undefined ? wanted.length : Number(bits);
  return given !== '' && given.length === wanted.length && given.slice(0, length) === wanted.slice(0, length);
}

/** An address as a text of zeros and ones; empty for what is none. */
function binary(address: string): string {
  const bits = (value: number, length: number): string => value.toString(2).padStart(length, '0');
  if (/^\d+(\.\d+){3}$/.test(address))
    return address
      .split('.')
      .map((part) => bits(Number(part), 8))
      .join('');
  if (!address.includes(':')) return '';
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string): string[] => text.split(':').filter((group) => group !== '');
  const missing = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array.from({ length: missing }, () => '0'), ...groups(tail)];
  return all.map((group) => bits(Number.parseInt(group, 16), 16)).join('');
}
