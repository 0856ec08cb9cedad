import { KeysteadError } from '@keystead/errors';
import type { GetKeyPolicyRequest, GetKeyPolicyResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html */
export const getKeyPolicy: Operation<GetKeyPolicyRequest, GetKeyPolicyResponse> = {
  name: 'GetKeyPolicy',
  async run(request, call) {
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:GetKeyPolicy' });
    const { policyName = 'default' } = request;
    if (policyName !== 'default') throw new KeysteadError('NotFound', 'No such policy exists');
    return { policy: key.policy, policyName };
  },
};
