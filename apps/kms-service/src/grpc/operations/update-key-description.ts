import type { UpdateKeyDescriptionRequest, UpdateKeyDescriptionResponse } from '@keystead/proto/kms';
import { requireState } from '../../domain/state.js';
import type { Operation } from '../execute.js';
import { changeKey } from './change-key.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateKeyDescription.html */
export const updateKeyDescription: Operation<UpdateKeyDescriptionRequest, UpdateKeyDescriptionResponse> = {
  name: 'UpdateKeyDescription',
  async run(request, call) {
    const { description = '' } = request;
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:UpdateKeyDescription' });
    await changeKey(updateKeyDescription, request, call, key, ({ key: stored }) => {
      requireState('UpdateKeyDescription', stored);
      return { ...stored, description };
    });
    return {};
  },
};
