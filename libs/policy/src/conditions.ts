import { isSupportedConditionKey } from './condition-keys.js';
import type { ContextLookup } from './context.js';
import { PolicyError } from './error.js';
import { operators, type Comparison } from './operators.js';
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
}

type Quantifier = 'one' | 'forallvalues' | 'foranyvalue';

/**
 * Compiles a Condition element: all operators and all their keys must hold, any one value of a key suffices.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_multi-value-conditions.html
 */
export function compileConditions(element: unknown, variables: boolean): CompiledCondition[] {
  if (element === undefined) return [];
  return entries(element).flatMap(([operator, keys]) =>
    entries(keys).map(([key, value]) => {
      const wanted = wantedValues(value);
      const holds = compileCondition(operator, key, wanted, variables);
      return { operator, key, wanted, keys: () => [key, ...(variables ? wanted.flatMap(variableKeys) : [])], holds };
    }),
  );
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

function compileCondition(spelled: string, keyName: string, wanted: readonly string[], variables: boolean): Condition {
  const key = keyName.toLowerCase();
  if (!isSupportedConditionKey(key)) throw new PolicyError(`The condition key ${keyName} is not supported.`);
  const { quantifier, name, ifExists } = readOperator(spelled);
  if (name === 'null' && quantifier === 'one' && !ifExists) return nullCondition(key, wanted);
  const operator = operators.get(name);
  if (operator === undefined) throw new PolicyError(`Invalid Condition type : ${spelled}.`);
  const matches = operator.compile(wanted, variables);
  const holds = operator.negated ? negate(matches) : matches;
  // An absent key satisfies a negated operator, …IfExists and ForAllValues.
  const absent = ifExists || quantifier === 'forallvalues' || (operator.negated && quantifier === 'one');
  const all = quantifier === 'forallvalues' || (quantifier === 'one' && operator.negated);
  return (values) => {
    const given = values(key);
    if (given === undefined || given.length === 0) return given === '' ? holds('', values) : absent;
    if (typeof given === 'string') return holds(given, values);
    const hold = (value: string): boolean => holds(value, values);
    return all ? given.every(hold) : given.some(hold);
  };
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
