/** One timer for all deadlines of a side of a stream; it runs only while there is something to watch. */
export class Sweep {
  #timer: NodeJS.Timeout | undefined;
  readonly #everyMs: number;
  readonly #sweep: (now: number) => boolean;

  /** `sweep` gets Date.now() and returns whether anything is left to watch. */
  constructor(everyMs: number, sweep: (now: number) => boolean) {
    this.#everyMs = everyMs;
    this.#sweep = sweep;
  }

  /** Something is there to watch. */
  start(): void {
    this.#timer ??= setInterval(this.#tick, this.#everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  readonly #tick = (): void => {
    if (!this.#sweep(Date.now())) this.stop();
  };
}
