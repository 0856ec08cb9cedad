import { generateMaterial } from '../clients/material.js';
import { rotated, rotationDue } from '../domain/rotation.js';
import type { Maker } from './managed-keys.js';
import { serviceEvent } from './service-event.js';

const batch = 20;

/** Rotates keys whose automatic rotation is due; answers how many. */
export async function rotateDue(maker: Maker, now: Date): Promise<number> {
  const due = await maker.store.keysToRotate(now, batch);
  let done = 0;
  for (const { account, id } of due) if (await rotateOne(maker, account, id, now)) done++;
  return done;
}

async function rotateOne(maker: Maker, account: string, id: string, now: Date): Promise<boolean> {
  const view = await maker.store.view(account, id);
  if (!view || !rotationDue(view.key, now)) return false;
  const generation = view.key.generation + 1;
  const material = await generateMaterial(maker.hsm, view.key, { generation, rotationType: 'AUTOMATIC' }, now);
  return maker.commit(async (change) => {
    const key = (await change.lock(account, id))?.key;
    // Another process may have rotated it meanwhile, or somebody disabled it.
    if (!key || !rotationDue(key, now) || key.generation + 1 !== generation) return false;
    await change.addMaterial(material);
    await change.saveKey(rotated(key, 'AUTOMATIC', now));
    const details = { rotationType: 'AUTOMATIC', keyId: id, currentBackingKeyId: material.materialId };
    const record = serviceEvent('RotateKey', key, now, details);
    if (record) await change.record(record);
    return true;
  });
}
