import type { ListRetirableGrantsRequest, ListRetirableGrantsResponse } from '@keystead/proto/kms';
import { boundPrincipal } from '../../domain/grant-principal.js';
import { foreignKeyDenied } from '../../domain/authorization.js';
import { pageOf, readMarker } from '../../domain/paging.js';
import { validationError } from '../../domain/validation.js';
import type { Operation } from '../execute.js';
import { grantList, grantPage, requireNoServicePrincipal } from './grants.js';

/**
 * Authorized by the caller's own policies, with the retiring principal as the resource.
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_ListRetirableGrants.html
 */
export const listRetirableGrants: Operation<ListRetirableGrantsRequest, ListRetirableGrantsResponse> = {
  name: 'ListRetirableGrants',
  async run(request, call) {
    requireNoServicePrincipal({ RetiringServicePrincipal: request.retiringServicePrincipal });
    const { retiringPrincipal: retiring } = request;
    if (retiring === undefined)
      throw validationError([
        "Value null at 'retiringPrincipal' failed to satisfy constraint: Member must not be null",
      ]);
    const action = 'kms:ListRetirableGrants';
    if (/^arn:[^:]*:[^:]*:[^:]*:(\d{12}):/.exec(retiring)?.[1] !== call.account)
      throw foreignKeyDenied(call.principal, action, retiring);
    await call.authorizeAccount(action, { resource: retiring });
    const { principals, store, region } = call.environment;
    const retiringId = boundPrincipal(retiring, await principals.existing([retiring]));
    const list = `retirable grants ${retiring}`;
    const limit = Math.min(request.limit ?? grantPage.default, grantPage.max);
    const [account = '', keyId = '', id = ''] = readMarker(list, request.marker)?.split('/') ?? [];
    const page = { retiring, retiringId, after: [account, keyId, id] as const, limit: limit + 1 };
    const rows = await store.pageOfRetirableGrants(page);
    return grantList(
      region,
      pageOf(list, rows, limit, (grant) => `${grant.account}/${grant.keyId}/${grant.id}`),
    );
  },
};
