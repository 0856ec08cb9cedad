import type { GenerateDataKeyRequest, GenerateDataKeyResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { dataKeyParameters, makeDataKey } from './data-key.js';
import { requireNoRecipient } from './encryption.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html */
export const generateDataKey: Operation<GenerateDataKeyRequest, GenerateDataKeyResponse> = {
  name: 'GenerateDataKey',
  parameters: dataKeyParameters,
  async run(request, call) {
    requireNoRecipient(request.recipient);
    return makeDataKey('GenerateDataKey', request, call);
  },
};
