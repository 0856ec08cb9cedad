import type { DisableKeyRequest, DisableKeyResponse } from '@keystead/proto/kms';
import { disable } from '../../domain/lifecycle.js';
import type { Operation } from '../execute.js';
import { changeKey } from './change-key.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKey.html */
export const disableKey: Operation<DisableKeyRequest, DisableKeyResponse> = {
  name: 'DisableKey',
  async run(request, call) {
    const { keyId = '' } = request;
    const facts = { daysWithoutUse: await call.daysWithoutUse(keyId) };
    const { key } = await call.manage(keyId, { action: 'kms:DisableKey', facts });
    await changeKey(disableKey, request, call, key, ({ key: stored }) => disable(stored));
    return {};
  },
};
