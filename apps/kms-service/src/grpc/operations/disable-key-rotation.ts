import type { DisableKeyRotationRequest, DisableKeyRotationResponse } from '@keystead/proto/kms';
import { disableRotation } from '../../domain/rotation.js';
import type { Operation } from '../execute.js';
import { changeKey } from './change-key.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKeyRotation.html */
export const disableKeyRotation: Operation<DisableKeyRotationRequest, DisableKeyRotationResponse> = {
  name: 'DisableKeyRotation',
  async run(request, call) {
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:DisableKeyRotation' });
    await changeKey(disableKeyRotation, request, call, key, ({ key: stored }) => disableRotation(stored));
    return {};
  },
};
