import type { GetKeyRotationStatusRequest, GetKeyRotationStatusResponse } from '@keystead/proto/kms';
import { requireRotatable, rotationStatus } from '../../domain/rotation.js';
import type { Operation } from '../execute.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html */
export const getKeyRotationStatus: Operation<GetKeyRotationStatusRequest, GetKeyRotationStatusResponse> = {
  name: 'GetKeyRotationStatus',
  async run(request, call) {
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:GetKeyRotationStatus' });
    requireRotatable('GetKeyRotationStatus', key);
    const { enabled, periodDays, next } = rotationStatus(key);
    return {
      ...{ keyId: key.arn, keyRotationEnabled: enabled },
      rotationPeriodInDays: periodDays ?? undefined,
      nextRotationDateMs: next ? BigInt(next.getTime()) : undefined,
    };
  },
};
