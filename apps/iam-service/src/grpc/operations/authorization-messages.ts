import type * as wire from '@keystead/proto/iam-query';
import { constraint, present } from '../../domain/fields.js';
import { reads } from '../operation.js';
import { openMessage } from '../sealed-messages.js';

const longest = 10_240;

export const decodeAuthorizationMessage = reads('sts:DecodeAuthorizationMessage', {
  check: (request: wire.DecodeAuthorizationMessageRequest) => {
    const message = present('encodedMessage', request.encodedMessage);
    if (message.length < 1) throw constraint('encodedMessage', '', 'have length greater than or equal to 1');
    if (message.length > longest) {
      throw constraint('encodedMessage', `${message.slice(0, 32)}…`, `have length less than or equal to ${longest}`);
    }
    return { message };
  },
  target: () => ({ arn: '*', shown: '*' }),
  run: async ({ message }, { secrets, caller }) => ({
    decodedMessage: await openMessage(secrets, caller.account, message),
  }),
});
