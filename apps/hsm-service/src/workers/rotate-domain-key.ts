import type { Logger } from '@keystead/service';
import { rotation, type DomainKeyParts } from '../domain/domain-key-commands.js';
import { activated, destroyed, destructible, rotationDue, waiting } from '../domain/domain-key-rotation.js';
import { rulesFor } from '../domain/quorum.js';
import type { RootWitness } from '../domain/root-witness.js';
import type { LiveRoot } from '../store/live-root.js';

/** What rotation works with. */
export interface RotatorParts extends DomainKeyParts {
  readonly root: LiveRoot;
  readonly witness: RootWitness;
  readonly now: () => Date;
  readonly log: Logger;
}

/** Changes domain keys by the clock, and goes on when kms-service reports; on the writer only. */
export class Rotator {
  readonly #parts: RotatorParts;
  #busy = false;

  constructor(parts: RotatorParts) {
    this.#parts = parts;
  }

  /** Makes the next domain key when the active one has served its time. */
  async tick(): Promise<void> {
    const { root, witness, policy, now, writer, log } = this.#parts;
    const due = (): boolean => root.read((state) => rotationDue(state, policy, now()));
    if (this.#busy || !writer || root.condition !== 'OPEN' || !due()) return;
    // A key that only a root has which was set back would be known to nobody else.
    if (witness.standing === 'UNHEARD' || witness.standing === 'SET_BACK') return;
    this.#busy = true;
    try {
      await root.change(async (draft) => ({ ...draft, state: await rotation(draft.state, this.#parts, now()) }));
      log.info('a new domain key waits for kms-service and the replicas');
    } finally {
      this.#busy = false;
    }
  }

  /** After a report that everybody has the newest root. */
  async proceed(): Promise<void> {
    const { root, reports } = this.#parts;
    if (root.condition !== 'OPEN' || reports.sharedGeneration !== root.file?.header.generation) return;
    await (root.read((state) => waiting(state)) === undefined ? this.#destroy() : this.#activate());
  }

  async #activate(): Promise<void> {
    const { root, log } = this.#parts;
    const written = await root.change((draft) => ({ ...draft, state: activated(draft.state) }));
    log.info({ generation: String(written.header.generation) }, 'the new domain key is active; tokens follow it');
  }

  /** Where operators have a rule for it, they do it themselves. */
  async #destroy(): Promise<void> {
    const { root, policy, reports, now, log } = this.#parts;
    const epochs = root.read((state) =>
      rulesFor('destroy-domain-key', state.rules).length > 0 ? [] : destructible(state, policy, reports.fresh, now()),
    );
    if (epochs.length === 0) return;
    await root.change((draft) => ({
      ...draft,
      state: epochs.reduce(
        (state, epoch) => destroyed(state, epoch, policy, reports.fresh.get(epoch), now()),
        draft.state,
      ),
    }));
    log.warn({ epochs }, 'former domain keys that no token needs are destroyed');
  }
}
