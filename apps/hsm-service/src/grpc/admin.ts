import { KeysteadError } from '@keystead/errors';
import { HsmAdminServiceService, type GetStatusRequest, type GetStatusResponse } from '@keystead/proto/hsm';
import { unary, type ServiceBinding } from '@keystead/service';
import type { OpenedRoot } from '../store/open-root.js';
import { isKms } from './crypto.js';

/** HsmAdminService: the state of the HSM, for operators and kms-service. */
export function adminService({ file, keys }: OpenedRoot): ServiceBinding {
  const { domain, generation, recipients } = file.header;
  const status: GetStatusResponse = {
    ...{ domainId: domain, rootGeneration: generation, rootFileHash: file.hash, activeEpoch: keys.activeEpoch },
    recipients: recipients.map(({ kind }) => kind),
  };
  const getStatus = unary<GetStatusRequest, GetStatusResponse>(async (_, { peer }) => {
    if (peer.kind === 'operator' || isKms(peer)) return status;
    throw new KeysteadError('AccessDenied', 'Only operators may ask for the state of the HSM.');
  });
  return { definition: HsmAdminServiceService, implementation: { getStatus } };
}
