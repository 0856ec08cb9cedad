import { KeysteadError } from '@keystead/errors';
import type { GenerateRandomRequest, GenerateRandomResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { requireNoRecipient } from './encryption.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateRandom.html */
export const generateRandom: Operation<GenerateRandomRequest, GenerateRandomResponse> = {
  name: 'GenerateRandom',
  async run(request, call) {
    requireNoRecipient(request.recipient);
    const { numberOfBytes, customKeyStoreId } = request;
    if (numberOfBytes === undefined) throw new KeysteadError('Validation', 'NumberOfBytes is required.');
    if (customKeyStoreId !== undefined)
      throw new KeysteadError('UnsupportedOperation', 'Custom key stores are not offered yet.');
    await call.authorizeAccount('kms:GenerateRandom');
    const { plaintext } = await call.environment.hsm.request('generateRandom', { numberOfBytes });
    return { plaintext };
  },
};
