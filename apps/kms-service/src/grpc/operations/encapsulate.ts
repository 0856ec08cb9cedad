import type { EncapsulateRequest, EncapsulateResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { endDryRun, reference, requireUsable } from './encryption.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_Encapsulate.html */
export const encapsulate: Operation<EncapsulateRequest, EncapsulateResponse> = {
  name: 'Encapsulate',
  async run(request, call) {
    const { keyId = '', encapsulationAlgorithm = '' } = request;
    const key = await call.use(keyId, { action: 'kms:Encapsulate', facts: { encapsulationAlgorithm } });
    const current = requireUsable('Encapsulate', key, encapsulationAlgorithm, call);
    endDryRun(request.dryRun);
    const made = await call.environment.hsm.request('encapsulate', { key: reference(current) });
    const { sharedSecret, ciphertextBlob } = made;
    return {
      ...{ keyId: key.key.arn, sharedSecret, sharedSecretCiphertextBlob: ciphertextBlob },
      encapsulationAlgorithm,
    };
  },
};
