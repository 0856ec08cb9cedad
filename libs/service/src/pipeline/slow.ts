/** A queue of its own for work that takes long (key generation), so that it never stands before the quick. */
export class SlowQueue {
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  readonly #concurrency: number;
  readonly #limit: number;

  constructor(concurrency: number, limit: number) {
    this.#concurrency = concurrency;
    this.#limit = limit;
  }

  /** Runs `job` now or when its turn comes; false when too many wait already. The job must call `done` in the end. */
  enter(job: () => void): boolean {
    if (this.#running < this.#concurrency) {
      this.#running++;
      job();
      return true;
    }
    if (this.#waiting.length >= this.#limit) return false;
    this.#waiting.push(job);
    return true;
  }

  done(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running--;
  }
}
