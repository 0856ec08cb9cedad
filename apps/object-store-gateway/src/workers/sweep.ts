import type { Backend } from '../backend/backend.js';
import type { Pool } from '@keystead/db';
import type { Logger } from '@keystead/service';
import { forgetGarbage, oldGarbage, unnamed } from '../store/garbage.js';

const INTERVAL_MS = 5_000;
/** A blob stays this long after its object is gone: whoever reads it now may finish. */
const GRACE_SECONDS = 60;
const BATCH = 100;

/** Removes blobs that nothing names any more. */
export interface Sweeper {
  /** Resolves when what is old enough is gone. */
  sweep(graceSeconds?: number): Promise<void>;
  close(): Promise<void>;
}

export function sweeper({
  pool,
  backend,
  log,
}: {
  readonly pool: Pool;
  readonly backend: Backend;
  readonly log: Logger;
}): Sweeper {
  let running: Promise<void> = Promise.resolve();
  const sweep = async (graceSeconds = GRACE_SECONDS): Promise<void> => {
    for (;;) {
      const blobs = await oldGarbage(pool, graceSeconds, BATCH);
      if (blobs.length === 0) return;
      await backend.remove(blobs);
      await forgetGarbage(pool, blobs);
    }
  };
  const timer = setInterval(() => {
    running = running.then(() => sweep()).catch((err: unknown) => log.warn({ err }, 'garbage could not be removed'));
  }, INTERVAL_MS).unref();
  return {
    sweep,
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}

/** Younger blobs may belong to a write under way. */
const ORPHAN_AGE_MS = 24 * 60 * 60_000;
const ORPHAN_BATCH = 10_000;

/**
 * Removes blobs that nothing names: what crashes left behind. For operators, because it looks at every blob of the
 * backend. Answers how many it removed.
 */
export async function removeOrphans(pool: Pool, backend: Backend, olderThanMs = ORPHAN_AGE_MS): Promise<number> {
  let removed = 0;
  let batch: string[] = [];
  const flush = async (): Promise<void> => {
    const orphans = await unnamed(pool, batch);
    await backend.remove(orphans);
    removed += orphans.length;
    batch = [];
  };
  for await (const { blob, ageMs } of backend.blobs()) {
    if (ageMs >= olderThanMs) batch.push(blob);
    if (batch.length === ORPHAN_BATCH) await flush();
  }
  await flush();
  return removed;
}
