import type { ListGrantsRequest, ListGrantsResponse } from '@keystead/proto/kms';
import { requireGrantId } from '../../domain/grant.js';
import { pageOf, readMarker } from '../../domain/paging.js';
import type { Operation } from '../execute.js';
import { grantList, grantPage, requireNoServicePrincipal } from './grants.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html */
export const listGrants: Operation<ListGrantsRequest, ListGrantsResponse> = {
  name: 'ListGrants',
  async run(request, call) {
    const { grantId, granteePrincipal: grantee } = request;
    requireNoServicePrincipal({ GranteeServicePrincipal: request.granteeServicePrincipal });
    const facts = { grantIsForAWSResource: call.isForwarded };
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:ListGrants', facts });
    if (grantId !== undefined) requireGrantId(grantId);
    const { account, id: keyId } = key;
    const list = `grants ${account} ${keyId} ${grantId ?? ''} ${grantee ?? ''}`;
    const limit = Math.min(request.limit ?? grantPage.default, grantPage.max);
    const after = readMarker(list, request.marker) ?? '';
    const { store, region } = call.environment;
    const rows = await store.pageOfGrants({ account, keyId, grantId, grantee, after, limit: limit + 1 });
    return grantList(
      region,
      pageOf(list, rows, limit, ({ id }) => id),
    );
  },
};
