import type { SignRequest, SignResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { endDryRun } from './encryption.js';
import { prepareSigning, signingParameters } from './signing.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html */
export const sign: Operation<SignRequest, SignResponse> = {
  name: 'Sign',
  parameters: signingParameters,
  async run(request, call) {
    const { arn, wanted } = await prepareSigning('Sign', request, call);
    endDryRun(request.dryRun);
    const { signature } = await call.environment.hsm.request('sign', wanted);
    return { keyId: arn, signature, signingAlgorithm: request.signingAlgorithm ?? '' };
  },
};
