import type { EpochReport } from './domain-key-rotation.js';

/** What kms-service said last. It calls; this service calls nobody. */
export class RootReports {
  readonly #now: () => number;
  #sharedGeneration = 0n;
  #tokens: ReadonlyMap<number, EpochReport> = new Map();
  #countedAt = -Infinity;

  /** `now`: a clock in milliseconds that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The generation that kms-service and all replicas that it reaches have; 0 before the first report. */
  get sharedGeneration(): bigint {
    return this.#sharedGeneration;
  }

  /** Tokens by epoch, however old the count is. */
  get tokens(): ReadonlyMap<number, EpochReport> {
    return this.#tokens;
  }

  /** Tokens by epoch; empty when the count is too old to destroy anything by it. */
  get fresh(): ReadonlyMap<number, EpochReport> {
    return this.#now() - this.#countedAt < FRESH_MS ? this.#tokens : new Map<number, EpochReport>();
  }

  shared(generation: bigint): void {
    this.#sharedGeneration = generation;
  }

  counted(reports: readonly EpochReport[]): void {
    this.#tokens = new Map(reports.map((report) => [report.epoch, report]));
    this.#countedAt = this.#now();
  }
}

const FRESH_MS = 10 * 60_000;
