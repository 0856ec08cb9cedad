/** What officers have asked for so far, each under their own certificate. Kept in memory: after a restart they ask again. */
export class Approvals {
  readonly #pending = new Map<string, Pending>();

  /**
   * Counts who has asked for exactly this; answers how many different ones. Another change of the same partition begins
   * anew, so that nobody's word is kept for later.
   */
  ask(partition: string, change: string, who: string, now: Date): number {
    const known = this.#pending.get(partition);
    const same = known?.change === change && now.getTime() < known.until ? known : undefined;
    const pending = same ?? { change, until: now.getTime() + VALID_MS, officers: new Set<string>() };
    pending.officers.add(who);
    this.#pending.set(partition, pending);
    return pending.officers.size;
  }

  /** How many of those who asked are still officers. */
  count(partition: string, officers: readonly string[]): number {
    const asked = this.#pending.get(partition)?.officers ?? new Set<string>();
    return officers.filter((officer) => asked.has(officer)).length;
  }

  /** The change is made, or void. */
  clear(partition: string): void {
    this.#pending.delete(partition);
  }
}

const VALID_MS = 3_600_000;

interface Pending {
  readonly change: string;
  readonly until: number;
  readonly officers: Set<string>;
}
