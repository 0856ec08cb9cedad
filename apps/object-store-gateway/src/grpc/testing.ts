import { KeysteadError } from '@keystead/errors';
import { TestingServiceService } from '@keystead/proto/common';
import { unary } from '@keystead/service';
import type { ServiceBinding } from '@keystead/service';

/** TestingService: only in test mode, and only for edge. */
export function testingService(reset: () => Promise<void>): ServiceBinding {
  return {
    definition: TestingServiceService,
    implementation: {
      reset: unary(async (_request, { peer }) => {
        if (peer.kind !== 'service' || peer.name !== 'edge') {
          throw new KeysteadError('AccessDenied', 'Only edge may reset.');
        }
        await reset();
        return {};
      }),
    },
  };
}
