import { KeysteadError } from '@keystead/errors';
import { TestingServiceService } from '@keystead/proto/common';
import { unary, type ServiceBinding } from '@keystead/service';

/** Reset for test harnesses; bound only in test mode, and only edge may call it. */
export function testingService(reset: () => Promise<void>): ServiceBinding {
  const implementation = {
    reset: unary<object, object>(async (_request, { peer }) => {
      if (peer.kind !== 'service' || peer.name !== 'edge')
        throw new KeysteadError('AccessDenied', 'Only edge may reset.');
      await reset();
      return {};
    }),
  };
  return { definition: TestingServiceService, implementation };
}
