import type { ListKeyPoliciesRequest, ListKeyPoliciesResponse } from '@keystead/proto/kms';
import { readMarker } from '../../domain/paging.js';
import type { Operation } from '../execute.js';

/** A key has one policy, "default". https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyPolicies.html */
export const listKeyPolicies: Operation<ListKeyPoliciesRequest, ListKeyPoliciesResponse> = {
  name: 'ListKeyPolicies',
  async run(request, call) {
    await call.manage(request.keyId ?? '', { action: 'kms:ListKeyPolicies' });
    readMarker('policies', request.marker);
    return { policyNames: ['default'], nextMarker: undefined, truncated: false };
  },
};
