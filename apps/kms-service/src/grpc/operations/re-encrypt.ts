import type { ReEncryptRequest, ReEncryptResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import type { KmsCall } from '../kms-call.js';
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
  sealedMaterial,
  shownMaterial,
  symmetricDefault,
} from './encryption.js';

const empty = new Uint8Array();

/** The plaintext never leaves the HSM. https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html */
export const reEncrypt: Operation<ReEncryptRequest, ReEncryptResponse> = {
  name: 'ReEncrypt',
  parameters: (request) =>
    withContext(
      {
        ...(request.sourceKeyId === undefined ? {} : { sourceKeyId: request.sourceKeyId }),
        destinationKeyId: request.destinationKeyId ?? '',
        sourceEncryptionAlgorithm: request.sourceEncryptionAlgorithm ?? symmetricDefault,
        destinationEncryptionAlgorithm: request.destinationEncryptionAlgorithm ?? symmetricDefault,
        ...(request.dryRun === undefined ? {} : { dryRun: request.dryRun }),
      },
      {
        sourceEncryptionContext: request.sourceEncryptionContext,
        destinationEncryptionContext: request.destinationEncryptionContext,
      },
    ),
  async run(request, call) {
    const { sourceEncryptionAlgorithm = symmetricDefault, destinationEncryptionAlgorithm = symmetricDefault } = request;
    const { source, materialId, destination } = await bothKeys(request, call);
    const from = { algorithm: sourceEncryptionAlgorithm, context: request.sourceEncryptionContext };
    requireCipher('ReEncrypt', source, from, call);
    const to = { algorithm: destinationEncryptionAlgorithm, context: request.destinationEncryptionContext };
    const current = requireCipher('ReEncrypt', destination, to, call);
    const material = await sealedMaterial(source, materialId, call);
    endDryRun(ignoresCiphertext(request));
    const sourceKeyMaterialId = shownMaterial(source, material);
    const destinationKeyMaterialId = shownMaterial(destination, current);
    noteMaterial(call, { sourceKeyMaterialId, destinationKeyMaterialId });
    const { ciphertextBlob } = await call.environment.hsm.request('reEncrypt', {
      sourceKey: reference(material),
      ciphertextBlob: request.ciphertextBlob ?? empty,
      sourceEncryptionContext: request.sourceEncryptionContext,
      destinationKey: reference(current),
      destinationEncryptionContext: request.destinationEncryptionContext,
      sourceEncryptionAlgorithm: onHsm(sourceEncryptionAlgorithm),
      destinationEncryptionAlgorithm: onHsm(destinationEncryptionAlgorithm),
    });
    endDryRun(request.dryRun);
    return {
      ...{ ciphertextBlob, sourceKeyId: source.key.arn, keyId: destination.key.arn },
      ...{ sourceEncryptionAlgorithm, destinationEncryptionAlgorithm, sourceKeyMaterialId, destinationKeyMaterialId },
    };
  },
};

/** Source and destination, each authorized with its own action and context. */
async function bothKeys(request: ReEncryptRequest, call: KmsCall) {
  const { ciphertextBlob, sourceKeyId: keyId, dryRun, dryRunModifiers } = request;
  const { sourceEncryptionAlgorithm: algorithm = symmetricDefault } = request;
  const named = { algorithm, keyField: 'sourceKeyId' as const };
  const sealed = { ...{ ciphertextBlob, keyId, dryRun, dryRunModifiers }, ...named };
  const { located, materialId } = await locateSealed(sealed, call, 'kms:ReEncryptFrom');
  const to = await call.locate(request.destinationKeyId ?? '', 'kms:ReEncryptTo');
  const same = { reEncryptOnSameKey: located.account === to.account && located.id === to.id };
  const from = { ...facts(request.sourceEncryptionContext, request.sourceEncryptionAlgorithm), ...same };
  const source = await call.useKey(located, { action: 'kms:ReEncryptFrom', facts: from });
  const into = { ...facts(request.destinationEncryptionContext, request.destinationEncryptionAlgorithm), ...same };
  const destination = await call.useKey(to, { action: 'kms:ReEncryptTo', facts: into });
  return { source, materialId, destination };
}
