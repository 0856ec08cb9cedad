import type { ListKeysRequest, ListKeysResponse } from '@keystead/proto/kms';
import { pageOf, readMarker } from '../../domain/paging.js';
import type { Operation } from '../execute.js';

const defaultLimit = 100;

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html */
export const listKeys: Operation<ListKeysRequest, ListKeysResponse> = {
  name: 'ListKeys',
  async run(request, call) {
    await call.authorizeAccount('kms:ListKeys');
    const list = `keys ${call.account}`;
    const { limit = defaultLimit } = request;
    const after = readMarker(list, request.marker) ?? '';
    const rows = await call.environment.store.pageOfKeys(call.account, after, limit + 1);
    const { items, nextMarker } = pageOf(list, rows, limit, ({ id }) => id);
    const keys = items.map(({ id, arn }) => ({ keyId: id, keyArn: arn }));
    return { keys, nextMarker, truncated: nextMarker !== undefined };
  },
};
