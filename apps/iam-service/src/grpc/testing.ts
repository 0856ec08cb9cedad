import { unary } from '@keystead/service';
import { only } from './peers.js';

/** Only in test mode, only for edge: forgets everything but the first account and its administrator. */
export function testingMethods(reset: () => Promise<void>) {
  return {
    reset: unary(async (_request: object, { peer }) => {
      only(peer, 'edge');
      await reset();
      return {};
    }),
  };
}
