import { KeysteadError } from '@keystead/errors';
import type { TestingServiceServer } from '@keystead/proto/common';
import { unary } from '@keystead/service';

/** Only registered in test mode, only for edge. Nothing is deleted: look-ups begin above what is there. */
export function testingService({ hideAll }: { hideAll: () => Promise<void> }): TestingServiceServer {
  return {
    reset: unary(async (_request, { peer }) => {
      if (peer.kind !== 'service' || peer.name !== 'edge') {
        throw new KeysteadError('AccessDenied', 'Only edge may reset.');
      }
      await hideAll();
      return {};
    }),
  };
}
