import { deletionDue } from '../domain/lifecycle.js';
import type { Maker } from './managed-keys.js';
import { serviceEvent } from './service-event.js';

const batch = 50;

/** Destroys keys whose deletion date has come, with material, aliases and tags; answers how many. */
export async function deleteDue(maker: Maker, now: Date): Promise<number> {
  const due = await maker.store.keysToDelete(now, batch);
  let done = 0;
  for (const { account, id } of due) if (await deleteOne(maker, account, id, now)) done++;
  return done;
}

function deleteOne(maker: Maker, account: string, id: string, now: Date): Promise<boolean> {
  return maker.commit(async (change) => {
    const view = await change.lock(account, id);
    if (!view || !deletionDue(view.key, now)) return false;
    await change.deleteKey(view);
    const record = serviceEvent('DeleteKey', view.key, now);
    if (record) await change.record(record);
    return true;
  });
}
