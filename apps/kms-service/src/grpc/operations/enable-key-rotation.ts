import type { EnableKeyRotationRequest, EnableKeyRotationResponse } from '@keystead/proto/kms';
import { enableRotation } from '../../domain/rotation.js';
import type { Operation } from '../execute.js';
import { changeKey } from './change-key.js';

const defaultPeriodDays = 365;

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html */
export const enableKeyRotation: Operation<EnableKeyRotationRequest, EnableKeyRotationResponse> = {
  name: 'EnableKeyRotation',
  async run(request, call) {
    const days = request.rotationPeriodInDays ?? defaultPeriodDays;
    const about = { action: 'kms:EnableKeyRotation', facts: { rotationPeriodInDays: days } };
    const { key } = await call.manage(request.keyId ?? '', about);
    await changeKey(enableKeyRotation, request, call, key, ({ key: stored }) => enableRotation(stored, days, call.at));
    return {};
  },
};
