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
/** How often each character of a text may be read, on average, before an automaton takes over. */
const mostReads = 8;

/**
 * Compiles a pattern. Nothing backtracks: a match reads each character of the text at most a few times, and then, in a
 * segment with `?` between two `*`, takes one step for each 32 characters of the segment at each character of the text.
 */
export function compileGlob(codes: readonly number[]): Glob {
  if (isLiteral(codes)) return equalTo(textOf(codes));
  if (codes.includes(wildcard.manyInside)) return insideOfParts(codes);
  const segments = split(codes);
  return inOrder(segments[0] ?? [], segments.slice(1, -1).map(finder), segments.at(-1) ?? [], segments.length > 1);
}

function isLiteral(segment: readonly number[]): boolean {
  for (const code of segment) if (code < 0) return false;
  return true;
}

/** Most texts would not match either if the stars might cross colons: that is asked first, since it costs less. */
function insideOfParts(codes: readonly number[]): Glob {
  const loosely = compileGlob(codes.map((code) => (code === wildcard.manyInside ? wildcard.many : code)));
  const exactly = automaton(codes);
  return (text) => loosely(text) && exactly(text);
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
  if (isLiteral(segment)) return anchoredText(textOf(segment));
  return (text, at) => acceptsAll(segment, text, at);
}

/** Whether a text goes on like this at a place. */
export function anchoredText(expected: string): (text: string, at: number) => boolean {
  if (expected === '') return () => true;
  // Most texts differ in the last character already, and looking at one costs less than a call of the engine.
  const last = expected.length - 1;
  const code = expected.charCodeAt(last);
  return (text, at) => text.charCodeAt(at + last) === code && text.startsWith(expected, at);
}

function acceptsAll(segment: readonly number[], text: string, at: number): boolean {
  for (let i = 0; i < segment.length; i++) if (!accepts(segment[i] ?? 0, text.charCodeAt(at + i))) return false;
  return true;
}

function accepts(code: number, character: number): boolean {
  return code === character || code === wildcard.one || (code === wildcard.oneInside && character !== colon);
}

/** Where the segment ends that begins first from `at` on and ends before `end`; -1 when there is none. */
type Find = (text: string, at: number, end: number) => number;

function finder(segment: readonly number[]): Find {
  if (!isLiteral(segment)) return tried(segment);
  if (segment.length > longestForIndexOf) return knuthMorrisPratt(segment);
  const wanted = textOf(segment);
  return (text, at, end) => {
    const found = text.indexOf(wanted, at);
    return found < 0 || found + wanted.length > end ? -1 : found + wanted.length;
  };
}

/** Tries the places where the first characters between wildcards stand, which the engine finds, as long as they are few. */
function tried(segment: readonly number[]): Find {
  const { length } = segment;
  const before = Math.max(
    0,
    segment.findIndex((code) => code >= 0),
  );
  const behind = segment.findIndex((code, at) => at >= before && code < 0);
  const wanted = textOf(segment.slice(before, behind < 0 ? length : behind).slice(0, longestForIndexOf));
  let search: Find | undefined;
  return (text, at, end) => {
    if (search !== undefined) return search(text, at, end);
    let trials = Math.ceil(((end - at) * mostReads) / length);
    for (let found = at + before; ; found++) {
      found = text.indexOf(wanted, found);
      const start = found - before;
      if (found < 0 || start + length > end) return -1;
      if (acceptsAll(segment, text, start)) return start + length;
      if (--trials === 0) return (search = shiftAnd(segment))(text, start, end);
    }
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

/** Where the segment ends, whatever stands before it. */
function shiftAnd(segment: readonly number[]): Find {
  const prepared = prepare([wildcard.many, ...segment], segment.length);
  return (text, at, end) => run(prepared, text, { at, end, untilAccepted: true });
}

function automaton(codes: readonly number[]): Glob {
  let prepared: Automaton | undefined;
  let shortest = 0;
  for (const code of codes) if (!isMany(code)) shortest++;
  return (text) => {
    if (text.length < shortest) return false;
    if (text === '') return true;
    prepared ??= prepare(codes, shortest);
    return run(prepared, text, { at: 0, end: text.length, untilAccepted: false }) >= 0;
  };
}

/**
 * Shift-And (Baeza-Yates and Gonnet, https://doi.org/10.1145/135239.135243) with loops for `*`: bit n of the state says
 * that the text read so far matches the pattern up to its n-th character. All states move at once, so that no text makes
 * it slower. Bits lie in words of 32.
 */
interface Automaton {
  /** Number of characters in the pattern; the state after the last accepts. */
  readonly length: number;
  /** The characters that the pattern has, and the colon. */
  readonly characters: readonly number[];
  /** Where in the pattern a character may stand: a row for those that it does not have, then one for each that it has. */
  readonly places: readonly number[];
  /** States that a character does not end: a `*` follows. */
  readonly loops: readonly number[];
  /** The same when the character is a colon. */
  readonly colonLoops: readonly number[];
}

/**
 * Where in `places` the row of a character begins. One table for all automatons, since one for each would be most of the
 * work of preparing them: it is filled for the time of a run, and otherwise zero.
 */
const rowOf = new Uint32Array(1 << 16);

function noteRows(characters: readonly number[], words: number): void {
  for (let i = 0; i < characters.length; i++) rowOf[characters[i] ?? 0] = (i + 1) * words;
}

function forgetRows(characters: readonly number[]): void {
  for (const character of characters) rowOf[character] = 0;
}

function prepare(codes: readonly number[], length: number): Automaton {
  const none = new Array<number>((length >>> 5) + 1).fill(0);
  const [loops, colonLoops, wild, wildForColon] = [none.slice(), none.slice(), none.slice(), none.slice()];
  let state = 0;
  for (const code of codes) {
    if (code === wildcard.many) set(colonLoops, state);
    if (isMany(code)) set(loops, state);
    if (code === wildcard.one) set(wildForColon, state);
    if (code === wildcard.one || code === wildcard.oneInside) set(wild, state);
    if (!isMany(code)) state++;
  }
  const characters = [colon];
  const places = [...wild, ...wildForColon];
  noteRows(characters, none.length);
  state = 0;
  for (const code of codes) {
    if (code >= 0 && rowOf[code] === 0) {
      rowOf[code] = places.length;
      characters.push(code);
      for (const word of wild) places.push(word);
    }
    if (code >= 0) set(places, ((rowOf[code] ?? 0) << 5) + state);
    if (!isMany(code)) state++;
  }
  forgetRows(characters);
  return { length, characters, places, loops, colonLoops };
}

function isMany(code: number): boolean {
  return code === wildcard.many || code === wildcard.manyInside;
}

function set(words: number[], at: number): void {
  const word = at >>> 5;
  words[word] = (words[word] ?? 0) | (1 << (at & 31));
}

/** What an automaton reads, and whether it stops where it accepts first or must accept at the end. */
interface Course {
  readonly at: number;
  readonly end: number;
  readonly untilAccepted: boolean;
}

/** Where it accepts; -1 when it does not. */
function run({ length, characters, places, loops, colonLoops }: Automaton, text: string, course: Course): number {
  const { at, end, untilAccepted } = course;
  const words = loops.length;
  const states = new Array<number>(words).fill(0);
  states[0] = 1;
  const [lastWord, lastBit] = [words - 1, 1 << (length & 31)];
  let accepted = -1;
  noteRows(characters, words);
  for (let i = at; i < end; i++) {
    const character = text.charCodeAt(i);
    const row = rowOf[character] ?? 0;
    const staying = character === colon ? colonLoops : loops;
    let [carry, alive] = [0, 0];
    for (let word = 0; word < words; word++) {
      const before = states[word] ?? 0;
      const moved = before & (places[row + word] ?? 0);
      const after = (moved << 1) | carry | (before & (staying[word] ?? 0));
      carry = moved >>> 31;
      states[word] = after;
      alive |= after;
    }
    if (alive === 0) break;
    if ((untilAccepted || i + 1 === end) && ((states[lastWord] ?? 0) & lastBit) !== 0) {
      accepted = i + 1;
      break;
    }
  }
  forgetRows(characters);
  return accepted;
}
