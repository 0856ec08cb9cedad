import { type AuthorizationRequest, type CompiledPolicy, contextValues } from '@keystead/policy';

const account = '111122223333';
/** Text that no pattern of the largest documents matches: all of them are taken apart. */
const text = 'z'.repeat(256);
const values = contextValues({ 'ec2:x': text });

/** A request that no statement of one of the largest documents settles early. */
export function firstRequest(policy: CompiledPolicy): AuthorizationRequest {
  const decides = policy.kind === 'resource';
  return {
    ...{ action: 'kms:Encrypt', resource: `arn:aws:s3:::${text}`, resourceAccount: account, values },
    principal: { arn: `arn:aws:iam::${account}:user/mallory`, account },
    identity: decides ? [] : [policy],
    resourcePolicy: decides ? policy : undefined,
    resourcePolicyDecides: decides,
  };
}
