import { KeysteadError } from '@keystead/errors';
import { HsmAdminServiceService, type GetStatusRequest, type GetStatusResponse } from '@keystead/proto/hsm';
import { unary, type ServiceBinding } from '@keystead/service';
import type { LiveRoot } from '../store/live-root.js';
import type { DomainKeys } from '../domain/domain-keys.js';
import { isKms } from './crypto.js';

/** HsmAdminService: the state of the HSM, for operators and kms-service. */
export function adminService(root: LiveRoot, keys: DomainKeys): ServiceBinding {
  const getStatus = unary<GetStatusRequest, GetStatusResponse>(async (_, { peer }) => {
    if (peer.kind === 'operator' || isKms(peer)) return statusOf(root, keys);
    throw new KeysteadError('AccessDenied', 'Only operators may ask for the state of the HSM.');
  });
  return { definition: HsmAdminServiceService, implementation: { getStatus } };
}

/** Zeros and empty fields where there is no root, or where it is sealed. */
function statusOf({ file }: LiveRoot, keys: DomainKeys): GetStatusResponse {
  const { domain, generation, recipients } = file?.header ?? {
    domain: Buffer.alloc(0),
    generation: 0n,
    recipients: [],
  };
  return {
    ...{ domainId: domain, rootGeneration: generation, rootFileHash: file?.hash ?? Buffer.alloc(0) },
    activeEpoch: keys.sealed ? 0 : keys.activeEpoch,
    recipients: recipients.map(({ kind }) => kind),
  };
}
