import type { CancelKeyDeletionRequest, CancelKeyDeletionResponse } from '@keystead/proto/kms';
import { cancelDeletion } from '../../domain/lifecycle.js';
import type { Operation } from '../execute.js';
import { changeKey } from './change-key.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html */
export const cancelKeyDeletion: Operation<CancelKeyDeletionRequest, CancelKeyDeletionResponse> = {
  name: 'CancelKeyDeletion',
  async run(request, call) {
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:CancelKeyDeletion' });
    await changeKey(cancelKeyDeletion, request, call, key, cancelDeletion);
    return { keyId: key.arn };
  },
};
