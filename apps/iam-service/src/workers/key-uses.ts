import type { LastUse } from '../domain/entities.js';

/** How often uses of access keys are written down; GetAccessKeyLastUsed is late by as much. */
const flushMs = 10_000;

/** Collects the last use of each access key, so that a use costs no write. */
export interface KeyUses {
  readonly note: (accessKeyId: string, use: LastUse) => void;
  /** Writes down what was collected. */
  flush(): Promise<void>;
  /** Writes down what is left and stops. */
  close(): Promise<void>;
}

export function keyUses(
  write: (uses: ReadonlyMap<string, LastUse>) => Promise<void>,
  failed: (error: unknown) => void,
): KeyUses {
  let collected = new Map<string, LastUse>();
  const flush = async (): Promise<void> => {
    if (collected.size === 0) return;
    const uses = collected;
    collected = new Map();
    // A use that cannot be written down is not worth failing for.
    await write(uses).catch(failed);
  };
  const timer = setInterval(() => void flush(), flushMs).unref();
  return {
    note: (accessKeyId, use) => void collected.set(accessKeyId, use),
    flush,
    close: async () => {
      clearInterval(timer);
      await flush();
    },
  };
}
