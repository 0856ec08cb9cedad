import { compilePolicy, type CompiledStatement } from './compile.js';
import type { PolicyKind } from './document.js';

/**
 * The condition keys that a document asks for, in conditions and policy variables, as it first spells them and in its
 * order. Throws PolicyError for a document that would be refused.
 */
export function contextKeysOf(document: string, kind: PolicyKind = 'identity'): string[] {
  const { statements } = compilePolicy(document, { kind, name: 'policy' });
  return distinctKeys(statements.flatMap(contextKeys));
}

/** Names of condition keys know no case: the first spelling stays. */
export function distinctKeys(keys: readonly string[]): string[] {
  const first = new Map<string, string>();
  for (const key of keys) if (!first.has(key.toLowerCase())) first.set(key.toLowerCase(), key);
  return [...first.values()];
}

/** The condition keys that Resource and Condition of a statement ask for, as written. */
export function contextKeys({ resourceKeys, conditions }: CompiledStatement): string[] {
  return [...resourceKeys, ...conditions.flatMap((condition) => condition.keys())];
}
