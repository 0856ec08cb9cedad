import { transaction, type Pool } from '@keystead/db';
import type { LeaseHub } from '@keystead/service';
import { nextSequence, removeAllBut } from './changes.js';
import { iamStore } from './iam-store.js';

/** Forgets everything but one user, and waits until no cache serves any of it (test mode). */
export async function resetTo(pool: Pool, hub: LeaseHub, account: string, userName: string): Promise<void> {
  const sequence = await transaction(pool, async (tx) => {
    const next = await nextSequence(tx);
    const user = await iamStore(tx, account).users.byName(userName);
    await removeAllBut(tx, account, user?.id ?? '');
    return next;
  });
  // More keys than a hub names: everything is void.
  hub.changed(sequence, Array<string>(1_001).fill(''));
  await hub.acknowledged(sequence);
}
