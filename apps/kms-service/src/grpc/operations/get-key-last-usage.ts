import type { GetKeyLastUsageRequest, GetKeyLastUsageResponse } from '@keystead/proto/kms';
import { keyNotFound } from '../../domain/identifier.js';
import type { Operation } from '../execute.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyLastUsage.html */
export const getKeyLastUsage: Operation<GetKeyLastUsageRequest, GetKeyLastUsageResponse> = {
  name: 'GetKeyLastUsage',
  async run(request, call) {
    const { key } = await call.manage(request.keyId ?? '', { action: 'kms:GetKeyLastUsage' });
    const known = await call.environment.lastUsage(key.account, key.id);
    if (!known) throw keyNotFound(call.environment.region, key.account, key.id);
    const { use, trackedSince } = known;
    return {
      keyId: key.id,
      keyLastUsage: {
        operation: use?.operation,
        timestampMs: use && BigInt(use.at.getTime()),
        cloudTrailEventId: use?.eventId,
        kmsRequestId: use?.requestId,
      },
      trackingStartDateMs: BigInt(trackedSince.getTime()),
      keyCreationDateMs: BigInt(key.createdAt.getTime()),
    };
  },
};
