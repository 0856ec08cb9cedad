import { isSupportedConditionKey } from './condition-keys.js';
import type { ContextLookup } from './context.js';
import { PolicyError } from './error.js';
import { operators, type Comparison } from './operators.js';
import type { Reading } from './pattern.js';
import { variableKeys } from './variable.js';

/** Whether the request satisfies the condition. */
export type Condition = (values: ContextLookup) => boolean;

/** One operator on one key, with what it was written as. */
export interface CompiledCondition {
  /** As written, for example "ForAnyValue:StringLike". */
  readonly operator: string;
  /** As written. */
  readonly key: string;
  readonly wanted: readonly string[];
  /** The keys whose values it asks for, as written: its own, and those of policy variables. */
  keys(): readonly string[];
  readonly holds: Condition;
  /** What asking costs beside others; only the order counts. */
  readonly cost: number;
}

/** A condition without its place in a document. */
type Compiled = Pick<CompiledCondition, 'holds' | 'cost'>;

/** How the conditions of one document are read. */
export interface ConditionReading extends Reading {
  /** The document's conditions so far. */
  readonly conditions: Map<string, { readonly compiled: Compiled; readonly isShared: boolean }>;
}

type Quantifier = 'one' | 'forallvalues' | 'foranyvalue';

/**
 * Compiles a Condition element: all operators and all their keys must hold, any one value of a key suffices.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_multi-value-conditions.html
 */
export function compileConditions(element: unknown, reading: ConditionReading): CompiledCondition[] {
  if (element === undefined) return [];
  return entries(element).flatMap(([operator, keys]) =>
    entries(keys).map(([key, value]) => {
      const wanted = wantedValues(value);
      const { holds, cost } = shared(operator, key, wanted, reading);
      const keys = (): string[] => [key, ...(reading.variables ? wanted.flatMap(variableKeys) : [])];
      return { operator, key, wanted, keys, holds, cost };
    }),
  );
}

/** Statements of one document repeat conditions, of network or tags: such a one is asked once for each request. */
function shared(operator: string, key: string, wanted: readonly string[], reading: ConditionReading): Compiled {
  const name = JSON.stringify([operator, key, wanted]);
  const known = reading.conditions.get(name);
  if (known?.isShared === true) return known.compiled;
  const compiled =
    known === undefined
      ? compileCondition(operator, key, wanted, reading)
      : { cost: known.compiled.cost, holds: rememberingRequest(known.compiled.holds) };
  reading.conditions.set(name, { compiled, isShared: known !== undefined });
  return compiled;
}

function rememberingRequest(holds: Condition): Condition {
  let last: ContextLookup | undefined;
  let lastAnswer = false;
  return (values) => {
    if (values !== last) {
      lastAnswer = holds(values);
      last = values;
    }
    return lastAnswer;
  };
}

function entries(element: unknown): [string, unknown][] {
  if (typeof element !== 'object' || element === null || Array.isArray(element))
    throw new PolicyError('Syntax errors in policy.');
  return Object.entries(element);
}

function wantedValues(wanted: unknown): string[] {
  const list: unknown[] = Array.isArray(wanted) ? wanted : [wanted];
  return list.map((value) => {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw new PolicyError('Syntax errors in policy.');
  });
}

function compileCondition(spelled: string, keyName: string, wanted: readonly string[], reading: Reading): Compiled {
  const key = keyName.toLowerCase();
  if (!isSupportedConditionKey(key)) throw new PolicyError(`The condition key ${keyName} is not supported.`);
  const { quantifier, name, ifExists } = readOperator(spelled);
  if (name === 'null' && quantifier === 'one' && !ifExists) return { holds: nullCondition(key, wanted), cost: 0 };
  const operator = operators.get(name);
  if (operator === undefined) throw new PolicyError(`Invalid Condition type : ${spelled}.`);
  const matches = operator.compile(wanted, reading);
  const compare = operator.negated ? negate(matches) : matches;
  // An absent key satisfies a negated operator, …IfExists and ForAllValues.
  const absent = ifExists || quantifier === 'forallvalues' || (operator.negated && quantifier === 'one');
  const all = quantifier === 'forallvalues' || (quantifier === 'one' && operator.negated);
  const holds: Condition = (values) => {
    const given = values(key);
    if (given === undefined || given.length === 0) return given === '' ? compare('', values) : absent;
    if (typeof given === 'string') return compare(given, values);
    const hold = (value: string): boolean => compare(value, values);
    return all ? given.every(hold) : given.some(hold);
  };
  return { holds, cost: operator.cost * wanted.length };
}

function readOperator(spelled: string): { quantifier: Quantifier; name: string; ifExists: boolean } {
  const lower = spelled.toLowerCase();
  const colon = lower.indexOf(':');
  const prefix = colon < 0 ? 'one' : lower.slice(0, colon);
  if (prefix !== 'one' && prefix !== 'forallvalues' && prefix !== 'foranyvalue') {
    throw new PolicyError(`Invalid Condition type : ${spelled}.`);
  }
  const rest = lower.slice(colon + 1);
  const ifExists = rest.endsWith('ifexists');
  return { quantifier: prefix, name: ifExists ? rest.slice(0, -'ifexists'.length) : rest, ifExists };
}

function negate(matches: Comparison): Comparison {
  return (value, values) => !matches(value, values);
}

function nullCondition(key: string, wanted: readonly string[]): Condition {
  const expected = wanted.map((value) => value.toLowerCase());
  if (expected.some((value) => value !== 'true' && value !== 'false'))
    throw new PolicyError('Invalid Null condition value.');
  return (values) => {
    const given = values(key);
    return expected.includes(String(given === undefined || (Array.isArray(given) && given.length === 0)));
  };
}
