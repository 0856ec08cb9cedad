import type {
  GenerateDataKeyPairWithoutPlaintextRequest,
  GenerateDataKeyPairWithoutPlaintextResponse,
} from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { dataKeyPairParameters, makeDataKeyPair } from './data-key-pair.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPairWithoutPlaintext.html */
export const generateDataKeyPairWithoutPlaintext: Operation<
  GenerateDataKeyPairWithoutPlaintextRequest,
  GenerateDataKeyPairWithoutPlaintextResponse
> = {
  name: 'GenerateDataKeyPairWithoutPlaintext',
  parameters: dataKeyPairParameters,
  async run(request, call) {
    const made = await makeDataKeyPair('GenerateDataKeyPairWithoutPlaintext', request, call);
    const { privateKeyCiphertextBlob, publicKey, keyId, keyPairSpec, keyMaterialId } = made;
    return { privateKeyCiphertextBlob, publicKey, keyId, keyPairSpec, keyMaterialId };
  },
};
