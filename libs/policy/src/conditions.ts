import { isSupportedConditionKey } from './condition-keys.js';
import type { ContextLookup } from './context.js';
import { PolicyError } from './error.js';
import { operators, type Comparison, type Operator, type Value } from './operators.js';
import type { Reading } from './pattern.js';
import { variableKeys } from './variable.js';

/** Whether the request satisfies the condition. */
export type Condition = (values: ContextLookup) => boolean;

/** How the conditions of one document are read. */
export interface ConditionReading extends Reading {
  /** The document's conditions so far, by key; absent where there is only one statement. */
  readonly conditions: Map<string, CompiledCondition[]> | undefined;
}

type Quantifier = 'one' | 'forallvalues' | 'foranyvalue';

/** One operator on one key, with what it was written as. */
export class CompiledCondition {
  /** As written. */
  readonly key: string;
  readonly #values: readonly Value[];
  readonly #use: Use;
  readonly #reading: Reading;
  #asks: Condition | undefined;
  #isShared = false;

  /** Throws PolicyError for values that the operator cannot read. */
  constructor(use: Use, key: string, values: readonly Value[], reading: Reading) {
    use.operator.check?.(values);
    this.key = key;
    this.#values = values;
    this.#use = use;
    this.#reading = reading;
  }

  /** As written, for example "ForAnyValue:StringLike". */
  get operator(): string {
    return this.#use.spelled;
  }

  /** What asking costs beside others; only the order counts. */
  get cost(): number {
    return this.#use.operator.cost * this.#values.length;
  }

  /** The values as texts, as written. */
  get wanted(): readonly string[] {
    return this.#values.map(String);
  }

  /** The keys whose values it asks for, as written: its own, and those of policy variables. */
  keys(): readonly string[] {
    return [this.key, ...(this.#reading.variables ? this.wanted.flatMap(variableKeys) : [])];
  }

  holds(values: ContextLookup): boolean {
    return (this.#asks ?? this.#compile())(values);
  }

  /** Of the thousands of values that a large policy may list, most are never asked for. */
  #compile(): Condition {
    const asks = compileCondition(this.#use, this.key.toLowerCase(), this.#values, this.#reading);
    this.#asks = this.#isShared ? rememberingRequest(asks) : asks;
    return this.#asks;
  }

  /** Whether this is that condition, word by word. */
  isLike(operator: string, values: readonly Value[]): boolean {
    if (operator !== this.operator || values.length !== this.#values.length) return false;
    for (let i = 0; i < values.length; i++) if (values[i] !== this.#values[i]) return false;
    return true;
  }

  /** Stands in several statements, and is asked once for each request. To be said before anybody asks. */
  share(): void {
    this.#isShared = true;
  }
}

/**
 * Compiles a Condition element: all operators and all their keys must hold, any one value of a key suffices.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_multi-value-conditions.html
 */
export function compileConditions(element: unknown, reading: ConditionReading): readonly CompiledCondition[] {
  const conditions: CompiledCondition[] = [];
  if (element === undefined) return conditions;
  const [spellings, byOperator] = names(element);
  for (const operator of spellings) {
    let use: Use | undefined;
    const [keys, byKey] = names(byOperator[operator]);
    for (const key of keys) {
      const values = wantedValues(byKey[key]);
      if (!isSupportedConditionKey(key.toLowerCase()))
        throw new PolicyError(`The condition key ${key} is not supported.`);
      use ??= readOperator(operator);
      conditions.push(shared(use, key, values, reading));
    }
  }
  return conditions;
}

/** Documents with thousands of conditions, whose compilation must stay quick, seldom repeat them. */
const mostSharedKeys = 256;
const mostSharedOfKey = 4;

/** Statements of one document repeat conditions, of network or tags: such a one is asked once for each request. */
function shared(use: Use, key: string, values: readonly Value[], reading: ConditionReading): CompiledCondition {
  const { conditions } = reading;
  const known = conditions?.get(key);
  for (const condition of known ?? []) {
    if (!condition.isLike(use.spelled, values)) continue;
    condition.share();
    return condition;
  }
  const compiled = new CompiledCondition(use, key, values, reading);
  if (known === undefined && conditions !== undefined && conditions.size < mostSharedKeys)
    conditions.set(key, [compiled]);
  else if (known !== undefined && known.length < mostSharedOfKey) known.push(compiled);
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

function names(element: unknown): [string[], Readonly<Record<string, unknown>>] {
  if (typeof element !== 'object' || element === null || Array.isArray(element))
    throw new PolicyError('Syntax errors in policy.');
  const record = element as Readonly<Record<string, unknown>>;
  // Of an object with thousands of names Object.entries takes twice as long as names and look-ups.
  return [Object.keys(record), record];
}

function wantedValues(written: unknown): readonly Value[] {
  const list: readonly unknown[] = Array.isArray(written) ? written : [written];
  if (areValues(list)) return list;
  throw new PolicyError('Syntax errors in policy.');
}

function areValues(list: readonly unknown[]): list is readonly Value[] {
  for (const value of list)
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return false;
  return true;
}

/** An operator as a policy spells it. */
interface Use {
  readonly spelled: string;
  readonly quantifier: Quantifier;
  readonly ifExists: boolean;
  readonly operator: Operator;
  readonly isNull: boolean;
}

function compileCondition(use: Use, key: string, wanted: readonly Value[], reading: Reading): Condition {
  if (use.isNull) return nullCondition(key, wanted);
  const { operator, quantifier, ifExists } = use;
  const matches = operator.compile(wanted, reading);
  const compare = operator.negated ? negate(matches) : matches;
  // An absent key satisfies a negated operator, …IfExists and ForAllValues.
  const absent = ifExists || quantifier === 'forallvalues' || (operator.negated && quantifier === 'one');
  const all = quantifier === 'forallvalues' || (quantifier === 'one' && operator.negated);
  return (values) => {
    const given = values(key);
    if (given === undefined || given.length === 0) return given === '' ? compare('', values) : absent;
    if (typeof given === 'string') return compare(given, values);
    const hold = (value: string): boolean => compare(value, values);
    return all ? given.every(hold) : given.some(hold);
  };
}

/** Compares with nothing: it only asks whether there is a value. */
const nothing: Operator = { compile: () => () => false, check: checkNull, negated: false, cost: 0 };

function readOperator(spelled: string): Use {
  const lower = spelled.toLowerCase();
  const colon = lower.indexOf(':');
  const quantifier = colon < 0 ? 'one' : lower.slice(0, colon);
  if (quantifier !== 'one' && quantifier !== 'forallvalues' && quantifier !== 'foranyvalue') throw invalidType(spelled);
  const rest = lower.slice(colon + 1);
  const ifExists = rest.endsWith('ifexists');
  const name = ifExists ? rest.slice(0, -'ifexists'.length) : rest;
  const isNull = name === 'null' && quantifier === 'one' && !ifExists;
  const operator = isNull ? nothing : operators.get(name);
  if (operator === undefined) throw invalidType(spelled);
  return { spelled, quantifier, ifExists, operator, isNull };
}

function invalidType(spelled: string): PolicyError {
  return new PolicyError(`Invalid Condition type : ${spelled}.`);
}

function negate(matches: Comparison): Comparison {
  return (value, values) => !matches(value, values);
}

function checkNull(wanted: readonly Value[]): void {
  for (const value of wanted)
    if (!/^(true|false)$/i.test(String(value))) throw new PolicyError('Invalid Null condition value.');
}

function nullCondition(key: string, wanted: readonly Value[]): Condition {
  const expected = wanted.map((value) => String(value).toLowerCase());
  return (values) => {
    const given = values(key);
    return expected.includes(String(given === undefined || (Array.isArray(given) && given.length === 0)));
  };
}
