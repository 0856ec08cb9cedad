import { KeysteadError } from '@keystead/errors';
import type * as wire from '@keystead/proto/iam-query';
import type { SessionFacts } from '../../domain/entities.js';
import { userDuration } from '../../domain/session-request.js';
import { issue, period } from '../issue.js';
import { issues } from '../operation.js';

const nothing: SessionFacts = {
  policies: [],
  tags: [],
  transitiveTagKeys: [],
  sourceIdentity: undefined,
  federated: undefined,
};

/**
 * Needs no permission: whoever signs has the long-term key already.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
 */
export const getSessionToken = issues('sts:GetSessionToken', {
  check: (request: wire.GetSessionTokenRequest, { isRoot, context }) => {
    if (context.session)
      throw new KeysteadError('AccessDenied', 'Cannot call GetSessionToken with session credentials');
    if (request.serialNumber !== undefined || request.tokenCode !== undefined) {
      const message = 'MultiFactorAuthentication failed with invalid MFA one time pass code.';
      throw new KeysteadError('AccessDenied', message);
    }
    return { duration: userDuration(request.durationSeconds, isRoot) };
  },
  run: async ({ duration }, work) => {
    const { account, principal } = work.caller;
    const session = { account, issuerId: principal.uniqueId, name: undefined, facts: nothing };
    return { answer: { credentials: await issue(work, { ...session, ...period(work.now, duration) }) } };
  },
});
