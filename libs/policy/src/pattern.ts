import type { ContextLookup } from './context.js';
import { compileGlob, wildcard, type Glob } from './glob.js';
import { variableAt, type Variable } from './variable.js';

/** Answers whether the text matches. A pattern with a policy variable that has no value matches nothing. */
export type Matcher = (text: string, values: ContextLookup) => boolean;

/** How a pattern is read. */
export interface PatternOptions {
  /** `*` and `?` are wildcards. */
  readonly wildcards: boolean;
  /** `${…}` is a policy variable; only in policies of version 2012-10-17. */
  readonly variables: boolean;
  /** Upper and lower case are the same. */
  readonly ignoreCase?: boolean;
  /**
   * The pattern is an ARN of a Resource element: before the fifth colon, `?` and a `*` that does not end its part stay
   * inside of the part. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
   */
  readonly arn?: boolean;
}

/** One piece of a pattern: a character code, a wildcard, or a policy variable. */
type Piece = number | Variable;

/** Compiles a pattern of the policy language. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html */
export function compilePattern(pattern: string, options: PatternOptions): Matcher {
  if (options.wildcards && pattern === '*') return () => true;
  const fold = options.ignoreCase === true ? (text: string): string => text.toLowerCase() : undefined;
  const written = fold === undefined ? pattern : fold(pattern);
  if (isPlain(written, options))
    return fold === undefined ? (text) => text === written : (text) => fold(text) === written;
  if (isPrefix(written, options)) {
    const prefix = written.slice(0, -1);
    return fold === undefined ? (text) => text.startsWith(prefix) : (text) => fold(text).startsWith(prefix);
  }
  // Taken apart when it is first asked for: of thousands of patterns in a large policy most never are.
  let prepared: Prepared | undefined;
  return (text, values) =>
    (prepared ??= prepare(written, options, fold))(values)?.(fold === undefined ? text : fold(text)) === true;
}

/** The pattern with the values of one request; undefined when a policy variable has none. */
type Prepared = (values: ContextLookup) => Glob | undefined;

function prepare(pattern: string, options: PatternOptions, fold: ((text: string) => string) | undefined): Prepared {
  const pieces = piecesOf(pattern, options);
  const codes = pieces.filter((piece) => typeof piece === 'number');
  if (codes.length < pieces.length) return withValues(pieces, fold ?? ((text) => text));
  const glob = compileGlob(codes);
  return () => glob;
}

function isPlain(pattern: string, { wildcards, variables }: PatternOptions): boolean {
  return !(wildcards && (pattern.includes('*') || pattern.includes('?'))) && !(variables && pattern.includes('${'));
}

/** What most policies write: one `*`, at the end, where it stands for any text even in an ARN. */
function isPrefix(pattern: string, options: PatternOptions): boolean {
  return options.wildcards && pattern.endsWith('*') && isPlain(pattern.slice(0, -1), options);
}

function piecesOf(pattern: string, options: PatternOptions): Piece[] {
  const pieces: Piece[] = [];
  let colons = options.arn === true ? 0 : 5;
  for (let at = 0; at < pattern.length; at++) {
    const variable = options.variables ? variableAt(pattern, at) : undefined;
    if (variable !== undefined) {
      at = variable.end - 1;
      // ${*}, ${?} and ${$} stand for the characters themselves.
      pieces.push(
        /^[*?$]$/.test(variable.key) ? variable.key.charCodeAt(0) : { ...variable, key: variable.key.toLowerCase() },
      );
      continue;
    }
    const character = pattern.charAt(at);
    if (character === ':') colons++;
    if (options.wildcards && (character === '*' || character === '?')) {
      const endsPart = at + 1 === pattern.length || pattern.charAt(at + 1) === ':';
      const code = wildcardCode(character, colons < 5, endsPart);
      if (code !== wildcard.many || pieces.at(-1) !== wildcard.many) pieces.push(code);
    } else pieces.push(pattern.charCodeAt(at));
  }
  return pieces;
}

function wildcardCode(character: '*' | '?', insidePart: boolean, endsPart: boolean): number {
  if (character === '?') return insidePart ? wildcard.oneInside : wildcard.one;
  return insidePart && !endsPart ? wildcard.manyInside : wildcard.many;
}

/** Compiles with the values of one request; undefined when one is missing. Callers often ask with the same values again. */
function withValues(pieces: readonly Piece[], fold: (text: string) => string): Prepared {
  const variables = pieces.filter((piece) => typeof piece !== 'number');
  let last: { readonly texts: readonly string[]; readonly glob: Glob } | undefined;
  return (values) => {
    if (last !== undefined && haveTexts(variables, last.texts, values)) return last.glob;
    const texts = variables.map((variable) => valueOf(variable, values)).filter((text) => text !== undefined);
    if (texts.length < variables.length) return undefined;
    const codes: number[] = [];
    let next = 0;
    for (const piece of pieces) {
      if (typeof piece === 'number') codes.push(piece);
      else for (const character of fold(texts[next++] ?? '').split('')) codes.push(character.charCodeAt(0));
    }
    const glob = compileGlob(codes);
    last = { texts, glob };
    return glob;
  };
}

function haveTexts(variables: readonly Variable[], texts: readonly string[], values: ContextLookup): boolean {
  for (let i = 0; i < variables.length; i++) {
    const variable = variables[i];
    if (variable === undefined || valueOf(variable, values) !== texts[i]) return false;
  }
  return true;
}

function valueOf({ key, fallback }: Variable, values: ContextLookup): string | undefined {
  const value = values(key);
  if (typeof value === 'string') return value;
  // A key with several values has no one text to stand for it.
  return value?.length === 1 ? value[0] : fallback;
}

/** Compiles an ARN pattern whose wildcards stay inside their colon-separated part (ArnLike, ArnEquals). */
export function compileArnPattern(pattern: string, options: PatternOptions): Matcher {
  const wanted = arnParts(pattern, options.variables);
  if (wanted === undefined) return () => false;
  const head = `${wanted.slice(0, 5).join(':')}:`;
  if (isPlain(head, options)) {
    const tail = compilePattern(wanted[5] ?? '', options);
    return (text, values) => text.startsWith(head) && tail(text.slice(head.length), values);
  }
  const parts = wanted.map((part) => compilePattern(part, options));
  return (text, values) => {
    const given = partsOfValue(text);
    return given !== undefined && parts.every((matches, i) => matches(given[i] ?? '', values));
  };
}

let lastValue: { readonly text: string; readonly parts: readonly string[] | undefined } = {
  text: '',
  parts: undefined,
};

/** The statements of a decision ask about the same few values one after the other. */
function partsOfValue(text: string): readonly string[] | undefined {
  if (lastValue.text !== text) lastValue = { text, parts: arnParts(text, false) };
  return lastValue.parts;
}

/** The six parts of an ARN; colons inside of variables and in the resource part do not separate. */
function arnParts(arn: string, variables: boolean): string[] | undefined {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < arn.length && parts.length < 5; i++) {
    if (variables) i = (variableAt(arn, i)?.end ?? i + 1) - 1;
    if (arn.charAt(i) === ':') {
      parts.push(arn.slice(start, i));
      start = i + 1;
    }
  }
  if (parts.length < 5) return undefined;
  parts.push(arn.slice(start));
  return parts;
}
