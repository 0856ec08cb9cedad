import { KeysteadError } from '@keystead/errors';
import type { RotateKeyOnDemandRequest, RotateKeyOnDemandResponse } from '@keystead/proto/kms';
import { generateMaterial } from '../../clients/material.js';
import type { Key } from '../../domain/key.js';
import { requireOnDemandRotation, requirePending, rotated, rotatedIn } from '../../domain/rotation.js';
import type { Operation } from '../execute.js';
import type { KmsCall } from '../kms-call.js';
import { changeKey } from './change-key.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_RotateKeyOnDemand.html */
export const rotateKeyOnDemand: Operation<RotateKeyOnDemandRequest, RotateKeyOnDemandResponse> = {
  name: 'RotateKeyOnDemand',
  async run(request, call) {
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:RotateKeyOnDemand' });
    requireOnDemandRotation(key, call.at);
    await (key.origin === 'EXTERNAL' ? rotateImported(request, key, call) : rotateGenerated(request, key, call));
    return { keyId: key.arn };
  },
};

async function rotateGenerated(request: RotateKeyOnDemandRequest, key: Key, call: KmsCall): Promise<void> {
  const generation = key.generation + 1;
  const wanted = { generation, rotationType: 'ON_DEMAND' } as const;
  const material = await generateMaterial(call.environment.hsm, key, wanted, call.at);
  await changeKey(rotateKeyOnDemand, request, call, key, async ({ key: stored }, change) => {
    requireOnDemandRotation(stored, call.at);
    if (stored.generation + 1 !== generation) throw underWay(key.arn);
    await change.addMaterial(material);
    return rotated(stored, 'ON_DEMAND', call.at);
  });
}

/** Imported material was brought by its owner and waits. */
async function rotateImported(request: RotateKeyOnDemandRequest, key: Key, call: KmsCall): Promise<void> {
  await changeKey(rotateKeyOnDemand, request, call, key, async (stored, change) => {
    requireOnDemandRotation(stored.key, call.at);
    await change.saveMaterial(rotatedIn(requirePending(stored), 'ON_DEMAND', call.at));
    return rotated(stored.key, 'ON_DEMAND', call.at);
  });
}

function underWay(arn: string): KeysteadError {
  return new KeysteadError('Conflict', `A rotation of ${arn} is already in progress.`);
}
