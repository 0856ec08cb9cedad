import type { RevokeGrantRequest, RevokeGrantResponse } from '@keystead/proto/kms';
import { grantNotFound, requireGrantId } from '../../domain/grant.js';
import { commitRecorded, type Operation } from '../execute.js';
import { endDryRun } from './encryption.js';

/** When it has answered, no replica allows what the grant allowed. https://docs.aws.amazon.com/kms/latest/APIReference/API_RevokeGrant.html */
export const revokeGrant: Operation<RevokeGrantRequest, RevokeGrantResponse> = {
  name: 'RevokeGrant',
  async run(request, call) {
    const { grantId = '' } = request;
    const facts = { grantIsForAWSResource: call.isForwarded };
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:RevokeGrant', facts });
    requireGrantId(grantId);
    const grant = await call.environment.store.grant(key.account, key.id, grantId);
    if (!grant) throw grantNotFound(grantId);
    endDryRun(request.dryRun);
    await commitRecorded(revokeGrant, request, call, async (change) => {
      if (!(await change.deleteGrant(grant))) throw grantNotFound(grantId);
      call.notes = { responseElements: { keyId: key.arn } };
    });
    return {};
  },
};
