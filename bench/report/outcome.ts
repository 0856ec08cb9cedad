import type { Table } from './table.js';

/** A figure that the issue asks for. */
export interface Reach {
  readonly what: string;
  readonly wanted: string;
  readonly got: string;
  readonly met: boolean;
}

/** What one section found. */
export interface Outcome {
  readonly tables: readonly Table[];
  readonly reaches: readonly Reach[];
  /** Why parts could not be measured. */
  readonly skipped: readonly string[];
  /** The figures themselves, for the JSON file. */
  readonly figures: unknown;
}

/** Compares a figure with what it shall be at least or at most. */
export function reach(what: string, got: number, limit: { atMost: number } | { atLeast: number }, unit = ''): Reach {
  const met = 'atMost' in limit ? got <= limit.atMost : got >= limit.atLeast;
  const [word, value] = 'atMost' in limit ? ['at most', limit.atMost] : ['at least', limit.atLeast];
  const withUnit = (number: number): string => `${number >= 100 ? Math.round(number) : number.toFixed(2)}${unit}`;
  return { what, wanted: `${word} ${value}${unit}`, got: withUnit(got), met };
}
