/**
 * What officers have asked for so far, each under their own certificate. Each has one word in a partition, the last one, and
 * takes nobody else's away. Kept in memory: after a restart they ask again.
 */
export class Approvals {
  readonly #words = new Map<string, Map<string, Word>>();

  /** Notes that an officer asks for exactly this. */
  ask(partition: string, change: string, who: string, now: Date): void {
    const words = this.#words.get(partition) ?? new Map<string, Word>();
    words.set(who, { change, until: now.getTime() + VALID_MS });
    this.#words.set(partition, words);
  }

  /** How many of these officers ask for exactly this within the hour. */
  count(partition: string, change: string, officers: readonly string[], now: Date): number {
    return officers.filter((officer) => {
      const word = this.#words.get(partition)?.get(officer);
      return word?.change === change && now.getTime() < word.until;
    }).length;
  }

  /** A change is made: what was asked for before it is asked for anew, so that nobody's word is kept for later. */
  clear(partition: string): void {
    this.#words.delete(partition);
  }
}

const VALID_MS = 3_600_000;

interface Word {
  readonly change: string;
  readonly until: number;
}
