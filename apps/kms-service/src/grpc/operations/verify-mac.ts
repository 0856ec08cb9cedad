import type { VerifyMacRequest, VerifyMacResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { endDryRun } from './encryption.js';
import { macParameters, prepareMac } from './mac.js';

const empty = new Uint8Array();

/** Never answers "invalid": that is an error. https://docs.aws.amazon.com/kms/latest/APIReference/API_VerifyMac.html */
export const verifyMac: Operation<VerifyMacRequest, VerifyMacResponse> = {
  name: 'VerifyMac',
  parameters: macParameters,
  async run(request, call) {
    const { arn, wanted } = await prepareMac('VerifyMac', request, call);
    await call.environment.hsm.request('verifyMac', { ...wanted, mac: request.mac ?? empty });
    endDryRun(request.dryRun);
    return { keyId: arn, macValid: true, macAlgorithm: request.macAlgorithm ?? '' };
  },
};
