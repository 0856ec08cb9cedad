import { KeysteadError } from '@keystead/errors';
import type * as wire from '@keystead/proto/iam-query';
import { accessKeyId } from '../../domain/fields.js';
import { reads } from '../operation.js';

/** Never denied: it tells the caller only what the caller's own signature says. */
export const getCallerIdentity = reads('sts:GetCallerIdentity', {
  check: (request: wire.GetCallerIdentityRequest) => request,
  run: async (_, { caller: { principal } }) => ({
    userId: principal.uniqueId,
    account: principal.account,
    arn: principal.arn,
  }),
});

export const getAccessKeyInfo = reads('sts:GetAccessKeyInfo', {
  check: (request: wire.GetAccessKeyInfoRequest) => ({ id: accessKeyId(request.accessKeyId) }),
  target: () => ({ arn: '*', shown: '*' }),
  run: async ({ id }, { accountOfKey }) => {
    const account = await accountOfKey(id);
    if (account !== undefined) return { account };
    throw new KeysteadError('Validation', `Access Key ${id} does not exist.`);
  },
});
