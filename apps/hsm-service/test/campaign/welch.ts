/** Measurements of two classes. */
export type Samples = [number[], number[]];

/** How far two classes are apart. */
export interface Comparison {
  /** Of all measurements. */
  readonly mean: number;
  /** First class less second. */
  readonly difference: number;
  /** Of the difference, one standard deviation. */
  readonly error: number;
  /** The largest |t| over all measurements and over those below several quantiles. */
  readonly t: number;
}

/** What is slower than these parts of all measurements is cut off, one after the other: noise is mostly slow. */
const quantiles = [1, 0.99, 0.95, 0.9, 0.75, 0.5];

/** Welch's t-test of two classes, as dudect applies it. */
export function compare(samples: Samples): Comparison {
  const all = samples.flat().sort((a, b) => a - b);
  const cropped = quantiles.map((quantile) => {
    const most = all[Math.min(all.length - 1, Math.floor(quantile * all.length))] ?? Infinity;
    return welch(samples.map((list) => list.filter((value) => value <= most)) as Samples);
  });
  const [whole] = cropped as [Welch];
  return { mean: meanOf(all), ...whole, t: Math.max(...cropped.map(({ t }) => Math.abs(t))) };
}

interface Welch {
  readonly difference: number;
  readonly error: number;
  readonly t: number;
}

function welch([first, second]: Samples): Welch {
  const difference = meanOf(first) - meanOf(second);
  const error = Math.sqrt(varianceOf(first) / first.length + varianceOf(second) / second.length);
  return { difference, error, t: difference / error };
}

const meanOf = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;

function varianceOf(list: readonly number[]): number {
  const mean = meanOf(list);
  return list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (list.length - 1);
}
