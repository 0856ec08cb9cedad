import type { UntagResourceRequest, UntagResourceResponse } from '@keystead/proto/kms';
import { requireState } from '../../domain/state.js';
import { without } from '../../domain/tags.js';
import type { Operation } from '../execute.js';
import { changeKey } from './change-key.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_UntagResource.html */
export const untagResource: Operation<UntagResourceRequest, UntagResourceResponse> = {
  name: 'UntagResource',
  async run(request, call) {
    const facts = { tagKeys: request.tagKeys };
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:UntagResource', facts });
    await changeKey(untagResource, request, call, key, async ({ key: stored, tags }, change) => {
      requireState('UntagResource', stored);
      await change.replaceTags(stored, without(tags, request.tagKeys));
      return stored;
    });
    return {};
  },
};
