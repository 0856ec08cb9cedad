import type { ContextLookup } from './context.js';
import { anchoredText, compileGlob, textOf, wildcard, type Glob } from './glob.js';
import { variableAt, type Variable } from './variable.js';

/** Answers whether the text matches. A pattern with a policy variable that has no value matches nothing. */
export type Matcher = (text: string, values: ContextLookup) => boolean;

/** How the patterns of one document are read. */
export interface Reading {
  /** `${…}` is a policy variable; only in policies of version 2012-10-17. */
  readonly variables: boolean;
  /** The document's matchers so far. Statements repeat each other's patterns: equal ones share a matcher and its memory. */
  readonly shared?: Map<string, Matcher> | undefined;
}

/** How a pattern is read. */
export interface PatternOptions extends Reading {
  /** `*` and `?` are wildcards. */
  readonly wildcards: boolean;
  /** Upper and lower case are the same. */
  readonly ignoreCase?: boolean;
  /**
   * The pattern is an ARN of a Resource element: before the fifth colon, `?` and a `*` that does not end its part stay
   * inside of the part. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
   */
  readonly arn?: boolean;
}

/** Documents with thousands of patterns, whose compilation must stay quick, seldom repeat them. */
const mostShared = 256;

/** One piece of a pattern: a character code, a wildcard, or a policy variable. */
type Piece = number | Variable;

const anything: Matcher = () => true;

/** Compiles a pattern of the policy language. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html */
export function compilePattern(pattern: string, options: PatternOptions): Matcher {
  if (options.wildcards && pattern === '*') return anything;
  const fold = options.ignoreCase === true ? (text: string): string => text.toLowerCase() : undefined;
  const written = fold === undefined ? pattern : fold(pattern);
  if (isPlain(written, options))
    return fold === undefined ? (text) => text === written : (text) => fold(text) === written;
  if (isPrefix(written, options)) {
    const startsRight = anchoredText(written.slice(0, -1));
    return fold === undefined ? (text) => startsRight(text, 0) : (text) => startsRight(fold(text), 0);
  }
  const { shared } = options;
  if (shared === undefined || shared.size >= mostShared) return matcherOf(piecesOf(written, options), fold);
  const name = `${options.wildcards ? '*' : ''}${options.arn === true ? ':' : ''}${fold === undefined ? '' : 'i'} ${written}`;
  const matcher = shared.get(name) ?? matcherOf(piecesOf(written, options), fold);
  shared.set(name, matcher);
  return matcher;
}

/**
 * Answers whether one of the patterns matches. Each is taken apart when it is first asked for: of thousands of patterns in a
 * large policy most never are.
 */
export function anyPattern<Pattern>(patterns: readonly Pattern[], compile: (pattern: Pattern) => Matcher): Matcher {
  const matchers: Matcher[] = [];
  return (text, values) => {
    for (const matches of matchers) if (matches(text, values)) return true;
    for (let i = matchers.length; i < patterns.length; i++) {
      const matches = compile(patterns[i] as Pattern);
      matchers.push(matches);
      if (matches(text, values)) return true;
    }
    return false;
  };
}

type Fold = (text: string) => string;

function matcherOf(pieces: readonly Piece[], fold: Fold | undefined): Matcher {
  const codes = pieces.filter((piece) => typeof piece === 'number');
  const matches =
    codes.length === pieces.length ? rememberingText(compileGlob(codes)) : withVariables(pieces, fold ?? same);
  return fold === undefined ? matches : (text, values) => matches(fold(text), values);
}

const same: Fold = (text) => text;

function withVariables(pieces: readonly Piece[], fold: Fold): Matcher {
  const open = pieces.at(-1) === wildcard.many;
  const anchored = open ? pieces.slice(0, -1) : pieces;
  const hasWildcards = anchored.some((piece) => typeof piece === 'number' && piece < 0);
  return hasWildcards ? withValues(pieces, fold) : oneAfterTheOther(anchored, open, fold);
}

/** The statements of a decision ask about the same few texts one after the other. */
function rememberingText(matches: Glob): Glob {
  let last: string | undefined;
  let lastAnswer = false;
  return (text) => {
    if (text !== last) {
      lastAnswer = matches(text);
      last = text;
    }
    return lastAnswer;
  };
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

/** Compiles with the values of one request. Callers often ask with the same values again. */
function withValues(pieces: readonly Piece[], fold: (text: string) => string): Matcher {
  const variables = pieces.filter((piece) => typeof piece !== 'number');
  let last: { readonly texts: readonly string[]; readonly glob: Glob } | undefined;
  return (text, values) => {
    if (last === undefined || !haveTexts(variables, last.texts, values)) {
      const texts = variables.map((variable) => valueOf(variable, values)).filter((value) => value !== undefined);
      if (texts.length < variables.length) return false;
      last = { texts, glob: rememberingText(compileGlob(codesOf(pieces, texts.map(fold)))) };
    }
    return last.glob(text);
  };
}

/** What most patterns with variables are: nothing but text between them, perhaps one `*` at the end. */
function oneAfterTheOther(pieces: readonly Piece[], open: boolean, fold: (text: string) => string): Matcher {
  const parts = joined(pieces);
  return (text, values) => {
    let at = 0;
    for (const part of parts) {
      const value = typeof part === 'string' ? part : valueOf(part, values);
      if (value === undefined) return false;
      const expected = typeof part === 'string' ? part : fold(value);
      if (!text.startsWith(expected, at)) return false;
      at += expected.length;
    }
    return open || at === text.length;
  };
}

/** The characters between variables as texts. */
function joined(pieces: readonly Piece[]): (string | Variable)[] {
  const parts: (string | Variable)[] = [];
  let codes: number[] = [];
  for (const piece of pieces) {
    if (typeof piece === 'number') {
      codes.push(piece);
      continue;
    }
    if (codes.length > 0) parts.push(textOf(codes));
    codes = [];
    parts.push(piece);
  }
  if (codes.length > 0) parts.push(textOf(codes));
  return parts;
}

function codesOf(pieces: readonly Piece[], texts: readonly string[]): number[] {
  const codes: number[] = [];
  let next = 0;
  for (const piece of pieces) {
    if (typeof piece === 'number') codes.push(piece);
    else for (const character of (texts[next++] ?? '').split('')) codes.push(character.charCodeAt(0));
  }
  return codes;
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
  // Where only the resource part has wildcards they may run over everything behind the fifth colon, as in any text.
  if (wanted.slice(0, 5).every((part) => isPlain(part, options))) return compilePattern(pattern, options);
  const parts: Matcher[] = [];
  const part = (i: number): Matcher => (parts[i] ??= compilePattern(wanted[i] ?? '', options));
  return (text, values) => {
    const given = partsOfValue(text);
    if (given === undefined) return false;
    for (let i = 0; i < wanted.length; i++) if (!part(i)(given[i] ?? '', values)) return false;
    return true;
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
