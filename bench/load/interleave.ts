import { setTimeout as sleep } from 'node:timers/promises';
import { cpuMicros } from '../proc/tree.js';
import type { Sample } from './closed-loop.js';

/** One thing to measure, in slices between those of the others. */
export interface Cell {
  readonly name: string;
  /** The processes whose trees are charged. */
  readonly roots: readonly number[];
  /** Makes ready what shall not be charged (connections, signatures); `run` is the load. */
  open(): Promise<Load>;
}

export interface Load {
  run(seconds: number): Promise<Sample>;
  close(): void;
}

/** All slices of a cell together. */
export interface Measured {
  readonly name: string;
  readonly requests: number;
  readonly perSecond: number;
  /** CPU time of the cell's processes for each request, in µs. */
  readonly cpuMicros: number;
  /** In milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export interface InterleaveOptions {
  /** For each cell, over all slices. */
  readonly seconds: number;
  readonly progress: (line: string) => void;
}

const sliceSeconds = 1.5;
/**
 * V8 goes on compiling for some ten thousand requests of a kind (`--trace-opt`), once in the life of a process. A slow cell
 * that has not come so far after `warmSlices` is warm when a slice was no faster than the fastest before it.
 */
const warmRequests = 12_000;
const warmSlices = 3;
const mostWarmSlices = 10;
const warmSeconds = 3;
/** Work that follows an answer (clean-up, acknowledgements) belongs to its request. */
const settleMs = 30;

/**
 * Measures all cells in turn, again and again: a machine that drifts drifts for all of them. A first, shorter round that
 * warms compilers and caches is not counted.
 */
export async function interleave(
  cells: readonly Cell[],
  { seconds, progress }: InterleaveOptions,
): Promise<Measured[]> {
  const totals = cells.map((cell) => new Total(cell.name));
  const rounds = Math.max(1, Math.round(seconds / sliceSeconds));
  for (let round = 0; round <= rounds; round++) {
    const warming = round === 0;
    progress(warming ? `warming up ${cells.length} cells` : `round ${round} of ${rounds}`);
    for (const [n, cell] of inTurn(cells, round)) {
      if (warming) await warm(cell, Math.min(warmSeconds, seconds / 2));
      else totals[n]?.add(await measure(cell, seconds / rounds));
    }
  }
  return totals.map((total) => total.result());
}

/** There and back: no cell always follows the same one, whose writes the disk may still be busy with. */
function inTurn(cells: readonly Cell[], round: number): (readonly [number, Cell])[] {
  const order = [...cells.entries()];
  return round % 2 === 0 ? order : order.reverse();
}

async function warm(cell: Cell, seconds: number): Promise<void> {
  let [requests, fastest] = [0, 0];
  for (let slice = 0; slice < mostWarmSlices && requests < warmRequests; slice++) {
    const sample = await measure(cell, seconds);
    requests += sample.requests;
    const perSecond = sample.requests / sample.seconds;
    if (slice >= warmSlices && perSecond <= fastest) return;
    fastest = Math.max(fastest, perSecond);
  }
}

async function measure(cell: Cell, seconds: number): Promise<Slice> {
  const load = await cell.open();
  try {
    const before = cpuMicros(cell.roots);
    const sample = await load.run(seconds);
    await sleep(settleMs);
    return { ...sample, micros: cpuMicros(cell.roots) - before };
  } catch (error) {
    throw new Error(`${cell.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    load.close();
  }
}

interface Slice extends Sample {
  readonly micros: number;
}

class Total {
  readonly #name: string;
  #seconds = 0;
  #micros = 0;
  readonly #latencies: number[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  add({ seconds, latencies, micros }: Slice): void {
    this.#seconds += seconds;
    this.#micros += micros;
    for (const latency of latencies) this.#latencies.push(latency);
  }

  result(): Measured {
    const sorted = Float64Array.from(this.#latencies).sort();
    const requests = sorted.length;
    return {
      name: this.#name,
      requests,
      perSecond: requests / this.#seconds,
      cpuMicros: this.#micros / requests,
      p50: quantile(sorted, 0.5),
      p99: quantile(sorted, 0.99),
    };
  }
}

/** The smallest value that at least this part of all does not exceed. */
function quantile(sorted: Float64Array, part: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? NaN;
}
