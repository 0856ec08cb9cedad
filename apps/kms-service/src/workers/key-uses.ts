import type { UseOfKey } from '../store/last-usage.js';

/** How often uses are written down; GetKeyLastUsage of another replica is late by as much. */
const flushMs = 10_000;

/** Collects the last use of each key, so that a use costs no write. */
export interface KeyUses {
  note(use: UseOfKey): void;
  /** Writes down what was collected. */
  flush(): Promise<void>;
  /** Writes down what is left and stops. */
  close(): Promise<void>;
}

export function keyUses(
  write: (uses: readonly UseOfKey[]) => Promise<void>,
  failed: (error: unknown) => void,
): KeyUses {
  let collected = new Map<string, UseOfKey>();
  let writing = Promise.resolve();
  const writeAll = async (): Promise<void> => {
    if (collected.size === 0) return;
    const uses = collected;
    collected = new Map();
    try {
      await write([...uses.values()]);
    } catch (error) {
      // A use that is forgotten could let a key be deleted: it waits for the next time, unless there was a later one.
      for (const [key, use] of uses) if (!collected.has(key)) collected.set(key, use);
      throw error;
    }
  };
  // One after the other: who waits for this waits also for what is being written already.
  const flush = (): Promise<void> => (writing = writing.then(writeAll, writeAll));
  const timer = setInterval(() => void flush().catch(failed), flushMs).unref();
  return {
    note: (use) => void collected.set(`${use.account}/${use.keyId}`, use),
    flush,
    close: async () => {
      clearInterval(timer);
      await flush().catch(failed);
    },
  };
}
