import type { Measured } from '../load/interleave.js';
import { figure, type Table } from '../report/table.js';

/** A figure of Keystead beside that of its echo. */
export interface Pair {
  readonly what: string;
  readonly callers: number;
  readonly keystead: Measured;
  readonly echo: Measured;
  /** CPU per request, Keystead's over the echo's. */
  readonly ratio: number;
}

/** Cells come as Keystead, echo, Keystead, echo… in the order of `names`. */
export function pairUp(
  names: readonly { readonly what: string; readonly callers: number }[],
  cells: readonly Measured[],
): Pair[] {
  return names.map((name, n) => {
    const [keystead, echo] = cells.slice(2 * n) as [Measured, Measured];
    return { ...name, keystead, echo, ratio: keystead.cpuMicros / echo.cpuMicros };
  });
}

const columns = ['', 'callers', 'CPU µs', 'echo µs', 'ratio', 'req/s', 'echo req/s'];

export function pairTable(title: string, pairs: readonly Pair[], notes: readonly string[] = []): Table {
  return {
    ...{ title, notes },
    columns: [...columns, 'p50 ms', 'p99 ms', 'echo p50', 'echo p99'],
    rows: pairs.map(({ what, callers, keystead, echo, ratio }) => [
      ...[what, String(callers), figure(keystead.cpuMicros), figure(echo.cpuMicros), ratio.toFixed(2)],
      ...[keystead.perSecond, echo.perSecond, keystead.p50, keystead.p99, echo.p50, echo.p99].map(figure),
    ]),
  };
}
