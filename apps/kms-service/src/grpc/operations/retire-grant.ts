import { KeysteadError } from '@keystead/errors';
import type { RetireGrantRequest, RetireGrantResponse } from '@keystead/proto/kms';
import { grantNotFound, requireGrantId } from '../../domain/grant.js';
import { parseKeyIdentifier } from '../../domain/identifier.js';
import type { GrantName } from '../../clients/grant-tokens.js';
import { commitRecorded, type Operation } from '../execute.js';
import type { KmsCall } from '../kms-call.js';
import { endDryRun } from './encryption.js';

/**
 * The grant itself says who may retire it; key policies have no say.
 * https://docs.aws.amazon.com/kms/latest/developerguide/grant-delete.html
 */
export const retireGrant: Operation<RetireGrantRequest, RetireGrantResponse> = {
  name: 'RetireGrant',
  async run(request, call) {
    const name = await nameOf(request, call);
    const { environment } = call;
    const grant = await environment.store.grant(name.account, name.keyId, name.id);
    const key = await call.retire(name, grant);
    if (!grant) throw grantNotFound(name.id);
    endDryRun(request.dryRun);
    await commitRecorded(retireGrant, request, call, async (change) => {
      if (!(await change.deleteGrant(grant))) throw grantNotFound(grant.id);
      call.notes = { responseElements: { keyId: key.arn }, additionalEventData: { grantId: grant.id } };
    });
    return {};
  },
};

/** Errors: InvalidArn, InvalidGrantId, InvalidGrantToken, NotFound, Validation. */
async function nameOf({ grantToken, keyId, grantId }: RetireGrantRequest, call: KmsCall): Promise<GrantName> {
  if (grantToken !== undefined && (keyId !== undefined || grantId !== undefined))
    throw new KeysteadError('Validation', 'Specify either a grant token, or a key ID and a grant ID.');
  if (grantToken !== undefined) return call.environment.grantTokens.read(grantToken);
  if (keyId === undefined || grantId === undefined)
    throw new KeysteadError('Validation', 'Specify a grant token, or both a key ID and a grant ID.');
  const { account, id } = parseKeyIdentifier(keyId, { region: call.environment.region, account: call.account });
  requireGrantId(grantId);
  return { account, keyId: id, id: grantId };
}
