import { KeysteadError } from '@keystead/errors';
import { compilePolicy, contextValues, PolicyError, type ContextLookup } from '@keystead/policy';

/** A value of a condition key as a simulation is given it. */
export interface ContextEntry {
  readonly contextKeyName?: string | undefined;
  readonly contextKeyValues: readonly string[];
  readonly contextKeyType?: string | undefined;
}

/** True when a condition of this operator takes the value: what a policy may compare with, a request may have. */
function comparable(operator: string): (value: string) => boolean {
  return (value) => {
    const statement = {
      Effect: 'Deny',
      Action: '*',
      Resource: '*',
      Condition: { [operator]: { 'aws:SourceIp': value } },
    };
    try {
      compilePolicy(JSON.stringify({ Version: '2008-10-17', Statement: statement }), {
        kind: 'identity',
        name: 'value',
      });
      return true;
    } catch (error) {
      if (error instanceof PolicyError) return false;
      throw error;
    }
  };
}

const checks: Readonly<Record<string, (value: string) => boolean>> = {
  string: () => true,
  numeric: comparable('NumericEquals'),
  boolean: comparable('Bool'),
  ip: comparable('IpAddress'),
  binary: (value) => /^[A-Za-z0-9+/]*={0,2}$/.test(value) && value.length % 4 === 0,
  date: comparable('DateEquals'),
};

/**
 * The condition keys that a simulation has: only what it is given, since the request is imagined. Errors: InvalidInput.
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_ContextEntry.html
 */
export function simulatedValues(entries: readonly ContextEntry[]): ContextLookup {
  const values: Record<string, string | readonly string[]> = {};
  const seen = new Set<string>();
  for (const entry of entries) {
    const { name, value } = readEntry(entry);
    if (seen.has(name.toLowerCase())) throw invalid(`The context key ${name} is given more than once.`);
    seen.add(name.toLowerCase());
    values[name] = value;
  }
  return contextValues(values);
}

function readEntry(entry: ContextEntry): { name: string; value: string | readonly string[] } {
  const { contextKeyName: name = '', contextKeyValues: given, contextKeyType: type = '' } = entry;
  if (name.length < 5 || name.length > 256 || !name.includes(':')) {
    throw invalid(`Invalid context key name: ${name.slice(0, 256)}`);
  }
  const isList = type.endsWith('List');
  const check = checks[isList ? type.slice(0, -'List'.length) : type];
  if (!check) throw invalid(`Invalid context key type ${type.slice(0, 64)} of ${name}.`);
  if (!given.every(check)) throw invalid(`A value of the context key ${name} is not of type ${type}.`);
  if (isList) return { name, value: given };
  const [value] = given;
  if (value === undefined || given.length > 1) throw invalid(`The context key ${name} of type ${type} has one value.`);
  return { name, value };
}

const invalid = (message: string): KeysteadError => new KeysteadError('InvalidInput', message);
