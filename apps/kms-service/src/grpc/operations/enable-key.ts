import type { EnableKeyRequest, EnableKeyResponse } from '@keystead/proto/kms';
import { enable } from '../../domain/lifecycle.js';
import type { Operation } from '../execute.js';
import { changeKey } from './change-key.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKey.html */
export const enableKey: Operation<EnableKeyRequest, EnableKeyResponse> = {
  name: 'EnableKey',
  async run(request, call) {
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:EnableKey' });
    await changeKey(enableKey, request, call, key, ({ key: stored }) => enable(stored));
    return {};
  },
};
