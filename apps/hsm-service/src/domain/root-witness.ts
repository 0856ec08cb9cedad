import { KeysteadError } from '@keystead/errors';
import type { FileName } from './root-state.js';

/**
 * What is known of the root beyond this machine. UNWATCHED: nobody is asked. UNHEARD: kms-service has not said which root it
 * keeps since this process started. NEWEST: it knows none that is newer. SET_BACK: it does.
 */
export type RootStanding = 'UNWATCHED' | 'UNHEARD' | 'NEWEST' | 'SET_BACK';

/** Longer than kms-service takes to ask again. */
const PATIENCE_MS = 5_000;

/**
 * Whether this root is the newest there is. Who writes to the disk can put back an older file, with operators, recipients,
 * rules and users that were removed since, and from before a signed command was carried out: nothing on this machine
 * tells. kms-service does, each time it asks for the root.
 */
export class RootWitness {
  #standing: RootStanding;
  #listeners: (() => void)[] = [];

  /** `isWatched` false: there is no kms-service, and nobody notices a root that was set back. */
  constructor(isWatched: boolean) {
    this.#standing = isWatched ? 'UNHEARD' : 'UNWATCHED';
  }

  get standing(): RootStanding {
    return this.#standing;
  }

  /**
   * kms-service keeps the file `known`, or none. `ours` are this root's own file and those that it follows on. What the
   * operators gave up for it is none of them: kms-service judges that, and keeps ours then.
   */
  heard(known: FileName | undefined, ours: readonly FileName[]): void {
    if (this.#standing === 'UNWATCHED') return;
    const isOurs = (name: FileName): boolean =>
      ours.some(({ generation, hash }) => generation === name.generation && hash.equals(name.hash));
    this.#standing = !known || isOurs(known) ? 'NEWEST' : 'SET_BACK';
    for (const listener of this.#listeners.splice(0)) listener();
  }

  /** Throws Unavailable before kms-service has confirmed the root, and Conflict when it knows a newer one. */
  mustBeNewest(): void {
    if (this.#standing === 'UNHEARD')
      throw new KeysteadError('Unavailable', 'kms-service has not confirmed yet that this root is the newest.');
    if (this.#standing === 'SET_BACK')
      throw new KeysteadError('Conflict', 'This root was set back: kms-service knows another one, which is newer.');
  }

  /** The same, with some patience for a kms-service that is about to ask. */
  async newest(patienceMs = PATIENCE_MS): Promise<void> {
    if (this.#standing === 'UNHEARD')
      await new Promise<void>((done) => {
        const timer = setTimeout(done, patienceMs);
        this.#listeners.push(() => {
          clearTimeout(timer);
          done();
        });
      });
    this.mustBeNewest();
  }
}
