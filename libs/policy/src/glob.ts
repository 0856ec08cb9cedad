/** What a pattern is made of once its variables have values: character codes, and these wildcards. */
export const wildcard = {
  /** `*`: any text. */
  many: -1,
  /** `?`: any one character. */
  one: -2,
  /** `*` inside of one part of an ARN: any text without a colon. */
  manyInside: -3,
  /** `?` inside of one part of an ARN: any one character but a colon. */
  oneInside: -4,
} as const;

/** Answers whether a text as a whole matches. */
export type Glob = (text: string) => boolean;

const colon = 58;
/** Up to here the engine's own search is bounded well enough, and much quicker than ours. */
const longestForIndexOf = 64;

/**
 * Compiles a pattern. Nothing backtracks: a match reads each character of the text at most a few times, and a pattern
 * with `?` between two `*` takes one step for each 32 characters of the pattern at each character of the text.
 */
export function compileGlob(codes: readonly number[]): Glob {
  if (codes.every((code) => code >= 0)) return equalTo(textOf(codes));
  const segments = split(codes);
  const middle = segments.slice(1, -1);
  if (codes.includes(wildcard.manyInside) || middle.some((segment) => segment.some((code) => code < 0)))
    return automaton(codes);
  return inOrder(segments[0] ?? [], middle.map(finder), segments.at(-1) ?? [], segments.length > 1);
}

const equalTo =
  (expected: string): Glob =>
  (text) =>
    text === expected;

function split(codes: readonly number[]): number[][] {
  const segments: number[][] = [[]];
  for (const code of codes) {
    if (code === wildcard.many) segments.push([]);
    else segments[segments.length - 1]?.push(code);
  }
  return segments;
}

/** Text of character codes. */
export function textOf(codes: readonly number[]): string {
  let text = '';
  for (const code of codes) text += String.fromCharCode(code);
  return text;
}

/** The first segment is anchored at the start, the last at the end, those between are found one after the other. */
function inOrder(first: readonly number[], middle: readonly Find[], last: readonly number[], open: boolean): Glob {
  const startsRight = anchored(first);
  if (!open) return (text) => text.length === first.length && startsRight(text, 0);
  const endsRight = anchored(last);
  const shortest = first.length + last.length;
  if (middle.length === 0)
    return (text) => text.length >= shortest && startsRight(text, 0) && endsRight(text, text.length - last.length);
  return (text) => {
    const end = text.length - last.length;
    if (text.length < shortest || !startsRight(text, 0) || !endsRight(text, end)) return false;
    let at = first.length;
    for (const find of middle) {
      at = find(text, at, end);
      if (at < 0) return false;
    }
    return true;
  };
}

function anchored(segment: readonly number[]): (text: string, at: number) => boolean {
  if (segment.every((code) => code >= 0)) return anchoredText(textOf(segment));
  return (text, at) => {
    for (let i = 0; i < segment.length; i++) if (!accepts(segment[i] ?? 0, text.charCodeAt(at + i))) return false;
    return true;
  };
}

/** Whether a text goes on like this at a place. */
export function anchoredText(expected: string): (text: string, at: number) => boolean {
  if (expected === '') return () => true;
  // Most texts differ in the last character already, and looking at one costs less than a call of the engine.
  const last = expected.length - 1;
  const code = expected.charCodeAt(last);
  return (text, at) => text.charCodeAt(at + last) === code && text.startsWith(expected, at);
}

function accepts(code: number, character: number): boolean {
  return code === character || code === wildcard.one || (code === wildcard.oneInside && character !== colon);
}

/** Where the segment ends that begins first from `at` on and ends before `end`; -1 when there is none. */
type Find = (text: string, at: number, end: number) => number;

function finder(segment: readonly number[]): Find {
  if (segment.length > longestForIndexOf) return knuthMorrisPratt(segment);
  const wanted = textOf(segment);
  return (text, at, end) => {
    const found = text.indexOf(wanted, at);
    return found < 0 || found + wanted.length > end ? -1 : found + wanted.length;
  };
}

/** https://doi.org/10.1137/0206024: never goes back in the text. */
function knuthMorrisPratt(segment: readonly number[]): Find {
  const borders = new Int32Array(segment.length);
  for (let i = 1, matched = 0; i < segment.length; i++) {
    while (matched > 0 && segment[i] !== segment[matched]) matched = borders[matched - 1] ?? 0;
    if (segment[i] === segment[matched]) matched++;
    borders[i] = matched;
  }
  return (text, at, end) => {
    for (let i = at, matched = 0; i < end; i++) {
      const character = text.charCodeAt(i);
      while (matched > 0 && segment[matched] !== character) matched = borders[matched - 1] ?? 0;
      if (segment[matched] === character) matched++;
      if (matched === segment.length) return i + 1;
    }
    return -1;
  };
}

/**
 * Shift-And (Baeza-Yates and Gonnet, https://doi.org/10.1145/135239.135243) with loops for `*`: bit n of the state says
 * that the text read so far matches the pattern up to its n-th character. All states move at once, so that no text makes
 * it slower.
 */
function automaton(codes: readonly number[]): Glob {
  let prepared: Automaton | undefined;
  return (text) => accepted((prepared ??= prepare(codes)), text);
}

interface Automaton {
  /** Number of characters in the pattern; the state after the last accepts. */
  readonly length: number;
  /** How many words of 32 bits a state takes. */
  readonly words: number;
  /** Where in `places` the row of a character of Latin-1 begins; row 0 is for those that are not in the pattern. */
  readonly latin: Uint32Array;
  /** The same for other characters. */
  readonly others: ReadonlyMap<number, number>;
  /** Where in the pattern a character may stand: `words` words for each row. */
  readonly places: Uint32Array;
  /** States that a character does not end: a `*` follows. */
  readonly loops: Uint32Array;
  /** The same when the character is a colon. */
  readonly colonLoops: Uint32Array;
}

function prepare(codes: readonly number[]): Automaton {
  const singles = codes.filter((code) => code !== wildcard.many && code !== wildcard.manyInside);
  const words = (singles.length >>> 5) + 1;
  const characters = [...new Set([colon, ...singles.filter((code) => code >= 0)])];
  const rows = new Map(characters.map((character, index) => [character, (index + 1) * words]));
  const places = new Uint32Array(words * (rows.size + 1));
  const wildcardsFor = (character: number): Uint32Array => {
    const row = new Uint32Array(words);
    singles.forEach((code, place) => code < 0 && accepts(code, character) && set(row, place));
    return row;
  };
  const [forColon, forOthers] = [wildcardsFor(colon), wildcardsFor(-1)];
  places.set(forOthers);
  for (const [character, row] of rows) places.set(character === colon ? forColon : forOthers, row);
  singles.forEach((code, place) => code >= 0 && set(places.subarray(rows.get(code)), place));
  const latin = Uint32Array.from({ length: 256 }, (_, character) => rows.get(character) ?? 0);
  return { length: singles.length, words, latin, others: rows, places, ...loopsOf(codes, words) };
}

function loopsOf(codes: readonly number[], words: number): Pick<Automaton, 'loops' | 'colonLoops'> {
  const [loops, colonLoops] = [new Uint32Array(words), new Uint32Array(words)];
  let state = 0;
  for (const code of codes) {
    if (code === wildcard.many) set(colonLoops, state);
    if (code === wildcard.many || code === wildcard.manyInside) set(loops, state);
    else state++;
  }
  return { loops, colonLoops };
}

function set(bits: Uint32Array, at: number): void {
  const word = at >>> 5;
  bits[word] = (bits[word] ?? 0) | (1 << (at & 31));
}

function accepted({ length, words, latin, others, places, loops, colonLoops }: Automaton, text: string): boolean {
  const states = new Uint32Array(words);
  states[0] = 1;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    const row = (character < 256 ? latin[character] : others.get(character)) ?? 0;
    const staying = character === colon ? colonLoops : loops;
    let carry = 0;
    let alive = 0;
    for (let word = 0; word < words; word++) {
      const before = states[word] ?? 0;
      const moved = before & (places[row + word] ?? 0);
      const after = (moved << 1) | carry | (before & (staying[word] ?? 0));
      carry = moved >>> 31;
      states[word] = after;
      alive |= after;
    }
    if (alive === 0) return false;
  }
  return ((states[length >>> 5] ?? 0) & (1 << (length & 31))) !== 0;
}
