import { KeysteadError } from '@keystead/errors';
import type { RotateKeyOnDemandRequest, RotateKeyOnDemandResponse } from '@keystead/proto/kms';
import { generateMaterial } from '../../clients/material.js';
import { requireOnDemandRotation, rotated } from '../../domain/rotation.js';
import type { Operation } from '../execute.js';
import { changeKey } from './change-key.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_RotateKeyOnDemand.html */
export const rotateKeyOnDemand: Operation<RotateKeyOnDemandRequest, RotateKeyOnDemandResponse> = {
  name: 'RotateKeyOnDemand',
  async run(request, call) {
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:RotateKeyOnDemand' });
    requireOnDemandRotation(key, call.at);
    const generation = key.generation + 1;
    const wanted = { account: key.account, keyId: key.id, generation, rotationType: 'ON_DEMAND' } as const;
    const material = await generateMaterial(call.environment.hsm, wanted, call.at);
    await changeKey(rotateKeyOnDemand, request, call, key, async ({ key: stored }, change) => {
      requireOnDemandRotation(stored, call.at);
      if (stored.generation + 1 !== generation) throw underWay(key.arn);
      await change.addMaterial(material);
      return rotated(stored, 'ON_DEMAND', call.at);
    });
    return { keyId: key.arn };
  },
};

function underWay(arn: string): KeysteadError {
  return new KeysteadError('Conflict', `A rotation of ${arn} is already in progress.`);
}
