import type { DeriveSharedSecretRequest, DeriveSharedSecretResponse } from '@keystead/proto/kms';
import type { Operation } from '../execute.js';
import { endDryRun, reference, requireNoRecipient, requireUsable } from './encryption.js';

const empty = new Uint8Array();

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_DeriveSharedSecret.html */
export const deriveSharedSecret: Operation<DeriveSharedSecretRequest, DeriveSharedSecretResponse> = {
  name: 'DeriveSharedSecret',
  async run(request, call) {
    requireNoRecipient(request.recipient);
    const { keyId = '', keyAgreementAlgorithm = '', publicKey = empty } = request;
    const key = await call.use(keyId, { action: 'kms:DeriveSharedSecret', facts: { keyAgreementAlgorithm } });
    const current = requireUsable('DeriveSharedSecret', key, keyAgreementAlgorithm, call);
    const wanted = { key: reference(current), publicKey };
    const { sharedSecret } = await call.environment.hsm.request('deriveSharedSecret', wanted);
    endDryRun(request.dryRun, sharedSecret);
    return { keyId: key.key.arn, sharedSecret, keyAgreementAlgorithm, keyOrigin: key.key.origin };
  },
};
