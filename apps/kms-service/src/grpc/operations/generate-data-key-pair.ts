import type { GenerateDataKeyPairRequest, GenerateDataKeyPairResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { dataKeyPairParameters, makeDataKeyPair } from './data-key-pair.js';
import { requireNoRecipient } from './encryption.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPair.html */
export const generateDataKeyPair: Operation<GenerateDataKeyPairRequest, GenerateDataKeyPairResponse> = {
  name: 'GenerateDataKeyPair',
  parameters: dataKeyPairParameters,
  async run(request, call) {
    requireNoRecipient(request.recipient);
    return makeDataKeyPair('GenerateDataKeyPair', request, call);
  },
};
