import type { VerifyRequest, VerifyResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { endDryRun } from './encryption.js';
import { prepareSigning, signingParameters } from './signing.js';

const empty = new Uint8Array();

/** Never answers "invalid": that is an error. https://docs.aws.amazon.com/kms/latest/APIReference/API_Verify.html */
export const verify: Operation<VerifyRequest, VerifyResponse> = {
  name: 'Verify',
  parameters: signingParameters,
  async run(request, call) {
    const { arn, wanted } = await prepareSigning('Verify', request, call);
    await call.environment.hsm.request('verify', { ...wanted, signature: request.signature ?? empty });
    endDryRun(request.dryRun);
    return { keyId: arn, signatureValid: true, signingAlgorithm: request.signingAlgorithm ?? '' };
  },
};
