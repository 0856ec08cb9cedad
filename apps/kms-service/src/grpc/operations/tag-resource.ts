import type { TagResourceRequest, TagResourceResponse } from '@keystead/proto/kms';
import { requireState } from '../../domain/state.js';
import { merged, requireTags } from '../../domain/tags.js';
import type { Operation } from '../execute.js';
import { changeKey } from './change-key.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_TagResource.html */
export const tagResource: Operation<TagResourceRequest, TagResourceResponse> = {
  name: 'TagResource',
  async run(request, call) {
    const facts = { requestTags: request.tags, tagKeys: request.tags.map(({ tagKey }) => tagKey) };
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:TagResource', facts });
    requireTags(request.tags);
    await changeKey(tagResource, request, call, key, async ({ key: stored, tags }, change) => {
      requireState('TagResource', stored);
      await change.replaceTags(stored, merged(tags, request.tags));
      return stored;
    });
    return {};
  },
};
