import type { EncryptRequest, EncryptResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { withContext } from '../parameters.js';
import { endDryRun, facts, reference, requireUsable, symmetricDefault } from './encryption.js';

const empty = new Uint8Array();

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html */
export const encrypt: Operation<EncryptRequest, EncryptResponse> = {
  name: 'Encrypt',
  parameters: ({ keyId = '', encryptionContext, encryptionAlgorithm = symmetricDefault, dryRun }) =>
    withContext({ keyId, encryptionAlgorithm, ...(dryRun === undefined ? {} : { dryRun }) }, { encryptionContext }),
  async run(request, call) {
    const { encryptionContext, encryptionAlgorithm = symmetricDefault, plaintext = empty } = request;
    const about = { action: 'kms:Encrypt', facts: facts(encryptionContext, encryptionAlgorithm) };
    const key = await call.use(request.keyId ?? '', about);
    requireUsable('Encrypt', key, encryptionAlgorithm);
    endDryRun(request.dryRun);
    const { current } = key;
    call.notes = { additionalEventData: { keyMaterialId: current.materialId } };
    const sealed = { key: reference(current), plaintext, encryptionContext };
    const { ciphertextBlob } = await call.environment.hsm.request('encrypt', sealed);
    return { ciphertextBlob, keyId: key.key.arn, encryptionAlgorithm };
  },
};
