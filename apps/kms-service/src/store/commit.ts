import type { OutboxWorker } from '@keystead/audit';
import type { LeaseHub } from '@keystead/service';
import type { Change, KeyStore } from './key-store.js';
import type { Replica } from './replica.js';

/** Who must know of a change before it is acknowledged. */
export interface Witnesses {
  readonly store: KeyStore;
  readonly outbox: Pick<OutboxWorker, 'assertNotBehind' | 'poke'>;
  readonly replica: Pick<Replica, 'changed' | 'acknowledged'>;
  readonly hub: Pick<LeaseHub, 'changed' | 'acknowledged'>;
}

export interface Committer {
  /** Errors: Unavailable while the audit log is behind. */
  readonly commit: <T>(work: (change: Change) => Promise<T>) => Promise<T>;
  /** Resolves when no cache serves what was before the change. */
  readonly announce: (change: { sequence: bigint; cacheKeys: readonly string[] }) => Promise<void>;
}

/** Changes that are acknowledged only when no cache, here or elsewhere, serves what was before them. */
export function committer({ store, outbox, replica, hub }: Witnesses): Committer {
  const announce: Committer['announce'] = async ({ sequence, cacheKeys }) => {
    replica.changed(cacheKeys);
    hub.changed(sequence, cacheKeys);
    await Promise.all([replica.acknowledged(sequence), hub.acknowledged(sequence)]);
  };
  return {
    announce,
    commit: async (work) => {
      outbox.assertNotBehind();
      const { result, ...change } = await store.change(work);
      outbox.poke();
      await announce(change);
      return result;
    },
  };
}
