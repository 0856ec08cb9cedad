import { unbound } from '@keystead/service';

/** A batch may hold so many items. */
const MOST_ITEMS = 64;
/** So many items must wait for each batch under way before another begins beside it. */
const CROWD = 16;
const MOST_BATCHES = 4;

/** Does the work of many items at once; the results are in the order of the items. */
export type Work<Item, Result> = (items: readonly Item[]) => Promise<readonly Result[]>;

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * While one batch is under way the next one collects: a way to the database costs about as much as ten rows in it. When
 * nothing is under way, a batch begins with what one turn of the event loop brought. With patience it waits so long for as
 * many items as the last batches had; an item that is always alone never waits.
 */
export class Batches<Item, Result> {
  readonly #work: Work<Item, Result>;
  readonly #patienceMs: number;
  /** The size of the last batches; falls slowly, since callers come back one by one. */
  #expected = 1;
  #patience: NodeJS.Timeout | undefined;
  #waiting: Waiting<Item, Result>[] = [];
  #underWay = 0;
  #scheduled = false;

  constructor(work: Work<Item, Result>, { patienceMs = 0 }: { readonly patienceMs?: number } = {}) {
    this.#work = work;
    this.#patienceMs = patienceMs;
  }

  /** Rejects with what the batch of this item failed with. */
  do(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    const room = this.#underWay < MOST_BATCHES && this.#waiting.length >= Math.max(1, this.#underWay * CROWD);
    if (this.#scheduled || !room) return;
    if (this.#patienceMs > 0 && this.#waiting.length < this.#expected) {
      this.#patience ??= setTimeout(this.#hurry, this.#patienceMs);
      return;
    }
    this.#hurry();
  }

  readonly #hurry = (): void => {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#begin();
    });
  };

  async #begin(): Promise<void> {
    const batch = this.#waiting.splice(0, MOST_ITEMS);
    this.#expected = Math.max(batch.length, Math.floor(this.#expected * 0.9));
    this.#underWay++;
    try {
      // It began in the trace of whoever came first, or of the batch before; the others have as much part in it. What each
      // of them waits shows in its own span, and goes on there.
      const results = await unbound(() => this.#work(batch.map(({ item }) => item)));
      batch.forEach(({ resolve }, n) => resolve(results[n] as Result));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#underWay--;
      this.#schedule();
    }
  }
}
