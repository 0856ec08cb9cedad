import type { ListResourceTagsRequest, ListResourceTagsResponse } from '@keystead/proto/kms';
import { pageOf, readMarker } from '../../domain/paging.js';
import type { Operation } from '../execute.js';

/** AWS's default and largest page. */
const maxLimit = 50;

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_ListResourceTags.html */
export const listResourceTags: Operation<ListResourceTagsRequest, ListResourceTagsResponse> = {
  name: 'ListResourceTags',
  async run(request, call) {
    const { key, tags } = await call.manage(request.keyId ?? '', { action: 'kms:ListResourceTags' });
    const list = `tags ${key.account} ${key.id}`;
    const limit = Math.min(request.limit ?? maxLimit, maxLimit);
    const after = readMarker(list, request.marker);
    const rows = after === undefined ? tags : tags.filter(({ tagKey }) => tagKey > after);
    const { items, nextMarker } = pageOf(list, rows.slice(0, limit + 1), limit, ({ tagKey }) => tagKey);
    return { tags: [...items], nextMarker, truncated: nextMarker !== undefined };
  },
};
