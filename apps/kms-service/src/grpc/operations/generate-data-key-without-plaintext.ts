import type {
  GenerateDataKeyWithoutPlaintextRequest,
  GenerateDataKeyWithoutPlaintextResponse,
} from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { dataKeyParameters, makeDataKey } from './data-key.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyWithoutPlaintext.html */
export const generateDataKeyWithoutPlaintext: Operation<
  GenerateDataKeyWithoutPlaintextRequest,
  GenerateDataKeyWithoutPlaintextResponse
> = {
  name: 'GenerateDataKeyWithoutPlaintext',
  parameters: dataKeyParameters,
  async run(request, call) {
    const { ciphertextBlob, keyId, keyMaterialId } = await makeDataKey(
      'GenerateDataKeyWithoutPlaintext',
      request,
      call,
    );
    return { ciphertextBlob, keyId, keyMaterialId };
  },
};
