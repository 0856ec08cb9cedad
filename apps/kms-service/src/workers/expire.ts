import { deleteMaterial, expired } from '../domain/imports.js';
import type { Material } from '../domain/key.js';
import type { Maker } from './managed-keys.js';
import { serviceEvent } from './service-event.js';

const batch = 50;

/** Deletes imported material that has expired, and forgets old import tokens; answers how many keys it changed. */
export async function expireDue(maker: Maker, now: Date): Promise<number> {
  await maker.store.pruneImportTokens();
  const due = await maker.store.keysToExpire(now, batch);
  let done = 0;
  for (const { account, id } of due) if (await expireOne(maker, account, id, now)) done++;
  return done;
}

/** One key; each of its materials that has expired is an event of its own. */
function expireOne(maker: Maker, account: string, id: string, now: Date): Promise<boolean> {
  return maker.commit(async (change) => {
    const view = await change.lock(account, id);
    const gone = view?.materials.filter((material) => expired(material, now)) ?? [];
    if (!view || gone.length === 0) return false;
    let { key, materials } = view;
    for (const { materialId } of gone) {
      const deleted = deleteMaterial({ key, materials }, key.spec === 'SYMMETRIC_DEFAULT' ? materialId : undefined);
      if (!deleted.material) continue;
      await (deleted.forget ? change.forgetMaterial(deleted.material) : change.saveMaterial(deleted.material));
      materials = replaced(materials, deleted.material, deleted.forget);
      key = deleted.key;
      const record = serviceEvent('DeleteExpiredKeyMaterial', key, now, { keyMaterialId: materialId });
      if (record) await change.record(record);
    }
    await change.saveKey(key);
    return true;
  });
}

function replaced(materials: readonly Material[], material: Material, forget: boolean): Material[] {
  const others = materials.filter(({ generation }) => generation !== material.generation);
  return forget ? others : [...others, material];
}
