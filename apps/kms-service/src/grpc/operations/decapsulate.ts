import type { DecapsulateRequest, DecapsulateResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { endDryRun, reference, requireUsable } from './encryption.js';

const empty = new Uint8Array();

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_Decapsulate.html */
export const decapsulate: Operation<DecapsulateRequest, DecapsulateResponse> = {
  name: 'Decapsulate',
  async run(request, call) {
    const { keyId = '', encapsulationAlgorithm = '', sharedSecretCiphertextBlob: ciphertextBlob = empty } = request;
    const key = await call.use(keyId, { action: 'kms:Decapsulate', facts: { encapsulationAlgorithm } });
    const current = requireUsable('Decapsulate', key, encapsulationAlgorithm, call);
    const wanted = { key: reference(current), ciphertextBlob };
    const { sharedSecret } = await call.environment.hsm.request('decapsulate', wanted);
    endDryRun(request.dryRun, sharedSecret);
    return { keyId: key.key.arn, sharedSecret, encapsulationAlgorithm };
  },
};
