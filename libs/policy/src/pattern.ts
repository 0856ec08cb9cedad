import type { ContextLookup } from './context.js';

/** One piece of a pattern: text to match as it is, a wildcard, or a policy variable. */
type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'many' }
  | { readonly kind: 'one' }
  | { readonly kind: 'variable'; readonly key: string; readonly fallback: string | undefined };

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
}

const variable = /\$\{\s*([^},]+?)\s*(?:,\s*'([^']*)'\s*)?\}/gy;

function pieces(pattern: string, options: PatternOptions): Piece[] {
  const found: Piece[] = [];
  let text = '';
  const flush = (next: Piece): void => {
    if (text !== '') found.push({ kind: 'text', text });
    text = '';
    found.push(next);
  };
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern.charAt(at);
    if (options.variables && character === '$') {
      variable.lastIndex = at;
      const match = variable.exec(pattern);
      if (match?.[1] !== undefined) {
        at = variable.lastIndex - 1;
        // ${*}, ${?} and ${$} stand for the characters themselves.
        if (match[1] === '*' || match[1] === '?' || match[1] === '$') text += match[1];
        else flush({ kind: 'variable', key: match[1].toLowerCase(), fallback: match[2] });
        continue;
      }
    }
    if (options.wildcards && character === '*') flush({ kind: 'many' });
    else if (options.wildcards && character === '?') flush({ kind: 'one' });
    else text += character;
  }
  if (text !== '' || found.length === 0) found.push({ kind: 'text', text });
  return found;
}

/** The condition keys that the variables of a pattern ask for, as they are written. */
export function variableKeys(pattern: string): string[] {
  return Array.from(pattern.matchAll(new RegExp(variable, 'g')), ([, key = '']) => key).filter((key) =>
    key.includes(':'),
  );
}

const MANY = -1;
const ONE = -2;

/** Flattens resolved pieces to character codes, with wildcards as negative numbers. */
function codes(parts: readonly Piece[], values: ContextLookup, ignoreCase: boolean): number[] | undefined {
  const out: number[] = [];
  for (const part of parts) {
    if (part.kind === 'many') {
      if (out.at(-1) !== MANY) out.push(MANY);
    } else if (part.kind === 'one') out.push(ONE);
    else {
      const text = part.kind === 'text' ? part.text : resolve(part, values);
      if (text === undefined) return undefined;
      const folded = ignoreCase ? text.toLowerCase() : text;
      for (let i = 0; i < folded.length; i++) out.push(folded.charCodeAt(i));
    }
  }
  return out;
}

function resolve(part: { key: string; fallback: string | undefined }, values: ContextLookup): string | undefined {
  const value = values(part.key);
  if (typeof value === 'string') return value;
  // A key with several values has no one text to stand for it.
  return value?.length === 1 ? value[0] : part.fallback;
}

/** Whether the text from `at` on begins with the segment (codes without MANY). */
function segmentAt(segment: readonly number[], text: string, at: number): boolean {
  for (let i = 0; i < segment.length; i++) {
    const code = segment[i];
    if (code !== ONE && code !== text.charCodeAt(at + i)) return false;
  }
  return true;
}

/** Where the segment begins in the text from `at` on, ending before `end`; -1 when it is not there. */
function find(segment: readonly number[], text: string, at: number, end: number): number {
  const last = end - segment.length;
  if (!segment.includes(ONE)) {
    // Boyer-Moore: character by character a long hostile pattern would take seconds.
    const found = text.indexOf(textOf(segment), at);
    return found > last ? -1 : found;
  }
  for (let start = at; start <= last; start++) if (segmentAt(segment, text, start)) return start;
  return -1;
}

function textOf(segment: readonly number[]): string {
  let text = '';
  for (const code of segment) text += String.fromCharCode(code);
  return text;
}

/** Segments between `*`: the first is anchored at the start, the last at the end, the others found in order. */
function globMatch(segments: readonly (readonly number[])[], text: string): boolean {
  const first = segments[0] ?? [];
  if (segments.length === 1) return first.length === text.length && segmentAt(first, text, 0);
  const last = segments[segments.length - 1] ?? [];
  if (first.length + last.length > text.length || !segmentAt(first, text, 0)) return false;
  const end = text.length - last.length;
  if (!segmentAt(last, text, end)) return false;
  let at = first.length;
  for (let i = 1; i < segments.length - 1; i++) {
    const segment = segments[i] ?? [];
    at = find(segment, text, at, end);
    if (at < 0) return false;
    at += segment.length;
  }
  return true;
}

function split(flat: readonly number[]): number[][] {
  const segments: number[][] = [[]];
  for (const code of flat) {
    if (code === MANY) segments.push([]);
    else segments[segments.length - 1]?.push(code);
  }
  return segments;
}

/**
 * Compiles a pattern of the policy language. Wildcards are never backtracked over more than one
 * segment, so a hostile pattern costs at most pattern length × text length.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export function compilePattern(pattern: string, options: PatternOptions): Matcher {
  const parts = pieces(pattern, options);
  const ignoreCase = options.ignoreCase ?? false;
  const fold = (text: string): string => (ignoreCase ? text.toLowerCase() : text);
  const only = parts[0];
  if (parts.length === 1 && only?.kind === 'many') return () => true;
  if (parts.length === 1 && only?.kind === 'text') {
    const expected = fold(only.text);
    return (text) => fold(text) === expected;
  }
  if (parts.some((part) => part.kind === 'variable')) {
    return (text, values) => {
      const flat = codes(parts, values, ignoreCase);
      return flat !== undefined && globMatch(split(flat), fold(text));
    };
  }
  const segments = split(codes(parts, () => undefined, ignoreCase) ?? []);
  return (text) => globMatch(segments, fold(text));
}

/** Compiles an ARN pattern whose wildcards stay inside their colon-separated part (ArnLike, ArnEquals). */
export function compileArnPattern(pattern: string, options: PatternOptions): Matcher {
  const wanted = arnParts(pattern);
  if (wanted === undefined) return () => false;
  const parts = wanted.map((part) => compilePattern(part, options));
  return (text, values) => {
    const given = arnParts(text);
    if (given === undefined) return false;
    for (let i = 0; i < 6; i++) {
      if (parts[i]?.(given[i] ?? '', values) !== true) return false;
    }
    return true;
  };
}

/** The six parts of an ARN; colons inside `${…}` and in the resource part do not separate. */
function arnParts(arn: string): string[] | undefined {
  const parts: string[] = [];
  let start = 0;
  let depth = 0;
  for (let i = 0; i < arn.length && parts.length < 5; i++) {
    const character = arn.charAt(i);
    if (character === '{' && arn.charAt(i - 1) === '$') depth++;
    else if (character === '}' && depth > 0) depth--;
    else if (character === ':' && depth === 0) {
      parts.push(arn.slice(start, i));
      start = i + 1;
    }
  }
  if (parts.length < 5) return undefined;
  parts.push(arn.slice(start));
  return parts;
}
