import { KeysteadError } from '@keystead/errors';
import type { TestingServiceServer } from '@keystead/proto/common';
import { unary } from '@keystead/service';
import { raiseFloor } from '../store/reader.js';
import type { Queryable } from '../store/queryable.js';

/** Only registered in test mode, only for edge. Nothing is deleted: look-ups begin above what is there. */
export function testingService({ db }: { db: Queryable }): TestingServiceServer {
  return {
    reset: unary(async (_request, { peer }) => {
      if (peer.kind !== 'service' || peer.name !== 'edge') {
        throw new KeysteadError('AccessDenied', 'Only edge may reset.');
      }
      await raiseFloor(db);
      return {};
    }),
  };
}
