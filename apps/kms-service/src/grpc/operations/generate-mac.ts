import type { GenerateMacRequest, GenerateMacResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { endDryRun } from './encryption.js';
import { macParameters, prepareMac } from './mac.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html */
export const generateMac: Operation<GenerateMacRequest, GenerateMacResponse> = {
  name: 'GenerateMac',
  parameters: macParameters,
  async run(request, call) {
    const { arn, wanted } = await prepareMac('GenerateMac', request, call);
    endDryRun(request.dryRun);
    const { mac } = await call.environment.hsm.request('generateMac', wanted);
    return { mac, macAlgorithm: request.macAlgorithm ?? '', keyId: arn };
  },
};
