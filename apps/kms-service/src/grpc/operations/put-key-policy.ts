import { KeysteadError } from '@keystead/errors';
import type { PutKeyPolicyRequest, PutKeyPolicyResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { acceptedPolicy } from './accepted-policy.js';
import { changeKey } from './change-key.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html */
export const putKeyPolicy: Operation<PutKeyPolicyRequest, PutKeyPolicyResponse> = {
  name: 'PutKeyPolicy',
  parameters: ({ keyId = '', policyName = 'default', policy = '', bypassPolicyLockoutSafetyCheck = false }) => ({
    ...{ keyId, policyName, policy, bypassPolicyLockoutSafetyCheck },
  }),
  async run(request, call) {
    const { bypassPolicyLockoutSafetyCheck } = request;
    const facts = { bypassPolicyLockoutSafetyCheck };
    const bypass = bypassPolicyLockoutSafetyCheck ?? false;
    const loaded = await call.manage(request.keyId ?? '', { action: 'kms:PutKeyPolicy', facts });
    const { key } = loaded;
    requireDefault(request.policyName);
    const written = await acceptedPolicy(request.policy ?? '', call, { arn: key.arn, about: loaded, bypass });
    await changeKey(putKeyPolicy, request, call, key, ({ key: stored }) => ({ ...stored, ...written }));
    return {};
  },
};

function requireDefault(name = 'default'): void {
  if (name === 'default') return;
  if (name === 'AWS_RAM')
    throw new KeysteadError('Validation', 'The AWS_RAM policy can only be managed by the RAM service.');
  throw new KeysteadError('Validation', 'PolicyName must be "default".');
}
