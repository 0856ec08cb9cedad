import type { EncryptRequest, EncryptResponse } from '@keystead/proto/kms';
import { requireFits } from '../../domain/algorithms.js';
import type { Operation } from '../execute.js';
import { withContext } from '../parameters.js';
import {
  endDryRun,
  facts,
  noteMaterial,
  onHsm,
  reference,
  requireCipher,
  shownMaterial,
  symmetricDefault,
} from './encryption.js';

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
    const cipher = { algorithm: encryptionAlgorithm, context: encryptionContext };
    const current = requireCipher('Encrypt', key, cipher, call);
    requireFits(key.key, encryptionAlgorithm, plaintext);
    endDryRun(request.dryRun);
    noteMaterial(call, { keyMaterialId: shownMaterial(key, current) });
    const sealed = {
      ...{ key: reference(current), plaintext, encryptionContext },
      encryptionAlgorithm: onHsm(encryptionAlgorithm),
    };
    const { ciphertextBlob } = await call.environment.hsm.request('encrypt', sealed);
    return { ciphertextBlob, keyId: key.key.arn, encryptionAlgorithm };
  },
};
