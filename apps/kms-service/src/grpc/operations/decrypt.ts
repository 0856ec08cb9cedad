import type { DecryptRequest, DecryptResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { withContext } from '../parameters.js';
import {
  endDryRun,
  facts,
  ignoresCiphertext,
  locateSealed,
  noteMaterial,
  onHsm,
  reference,
  requireCipher,
  requireNoRecipient,
  sealedMaterial,
  shownMaterial,
  symmetricDefault,
} from './encryption.js';

const empty = new Uint8Array();

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html */
export const decrypt: Operation<DecryptRequest, DecryptResponse> = {
  name: 'Decrypt',
  parameters: ({ keyId, encryptionContext, encryptionAlgorithm = symmetricDefault, dryRun }) =>
    withContext(
      { encryptionAlgorithm, ...(keyId === undefined ? {} : { keyId }), ...(dryRun === undefined ? {} : { dryRun }) },
      { encryptionContext },
    ),
  async run(request, call) {
    requireNoRecipient(request.recipient);
    const { ciphertextBlob, keyId, dryRun, dryRunModifiers, encryptionContext } = request;
    const { encryptionAlgorithm = symmetricDefault } = request;
    const action = 'kms:Decrypt';
    const about = { algorithm: encryptionAlgorithm, keyField: 'keyId' as const };
    const sealed = { ...{ ciphertextBlob, keyId, dryRun, dryRunModifiers }, ...about };
    const { located, materialId } = await locateSealed(sealed, call, action);
    const key = await call.useKey(located, { action, facts: facts(encryptionContext, encryptionAlgorithm) });
    requireCipher('Decrypt', key, { algorithm: encryptionAlgorithm, context: encryptionContext }, call);
    const material = await sealedMaterial(key, materialId, call);
    endDryRun(ignoresCiphertext(request));
    const keyMaterialId = shownMaterial(key, material);
    noteMaterial(call, { keyMaterialId });
    const opened = {
      ...{ key: reference(material), ciphertextBlob: ciphertextBlob ?? empty, encryptionContext },
      encryptionAlgorithm: onHsm(encryptionAlgorithm),
    };
    const { plaintext } = await call.environment.hsm.request('decrypt', opened);
    endDryRun(dryRun, plaintext);
    return { plaintext, keyId: key.key.arn, encryptionAlgorithm, keyMaterialId };
  },
};
