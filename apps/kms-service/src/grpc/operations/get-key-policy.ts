import { KeysteadError } from '@keystead/errors';
import type { GetKeyPolicyRequest, GetKeyPolicyResponse } from '@keystead/proto/kms';
import { shownPolicy } from '../../domain/key-policy.js';
import type { Operation } from '../execute.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html */
export const getKeyPolicy: Operation<GetKeyPolicyRequest, GetKeyPolicyResponse> = {
  name: 'GetKeyPolicy',
  async run(request, call) {
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:GetKeyPolicy' });
    const { policyName = 'default' } = request;
    if (policyName !== 'default') throw new KeysteadError('NotFound', 'No such policy exists');
    const found = await call.environment.principals.existing(Object.keys(key.principals));
    return { policy: shownPolicy(key, found), policyName };
  },
};
