/** A policy variable, `${key}` or `${key, 'default'}`. */
export interface Variable {
  /** As written; "*", "?" and "$" stand for themselves. */
  readonly key: string;
  readonly fallback: string | undefined;
  /** Where the pattern goes on. */
  readonly end: number;
}

const blank = /\s/;

/**
 * The variable that begins at `at`; undefined when none does. It reads on only as far as a variable can, so that text
 * full of beginnings is read in linear time.
 */
export function variableAt(pattern: string, at: number): Variable | undefined {
  if (pattern.charCodeAt(at) !== 36 || pattern.charCodeAt(at + 1) !== 123) return undefined;
  let end = at + 2;
  // "$" begins another variable, but for ${$}.
  while (end < pattern.length && !(end > at + 2 ? ',}${' : ',}{').includes(pattern.charAt(end))) end++;
  const key = pattern.slice(at + 2, end).trim();
  if (key === '') return undefined;
  if (pattern.charAt(end) === '}') return { key, fallback: undefined, end: end + 1 };
  return pattern.charAt(end) === ',' ? withDefault(pattern, end + 1, key) : undefined;
}

function withDefault(pattern: string, from: number, key: string): Variable | undefined {
  const open = afterBlanks(pattern, from);
  if (pattern.charAt(open) !== "'") return undefined;
  const close = pattern.indexOf("'", open + 1);
  if (close < 0) return undefined;
  const end = afterBlanks(pattern, close + 1);
  return pattern.charAt(end) === '}' ? { key, fallback: pattern.slice(open + 1, close), end: end + 1 } : undefined;
}

function afterBlanks(pattern: string, from: number): number {
  let at = from;
  while (blank.test(pattern.charAt(at))) at++;
  return at;
}

/** The condition keys that the variables of a pattern ask for, as they are written. */
export function variableKeys(pattern: string): string[] {
  const keys: string[] = [];
  for (let at = pattern.indexOf('${'); at >= 0; at = pattern.indexOf('${', at)) {
    const variable = variableAt(pattern, at);
    if (variable?.key.includes(':')) keys.push(variable.key);
    at = variable?.end ?? at + 2;
  }
  return keys;
}
