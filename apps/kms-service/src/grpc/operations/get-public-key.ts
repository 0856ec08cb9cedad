import { KeysteadError } from '@keystead/errors';
import type { GetPublicKeyRequest, GetPublicKeyResponse } from '@keystead/proto/kms';
import { isAsymmetric } from '../../domain/key-spec.js';
import { usable } from '../../domain/loaded-key.js';
import { requireState } from '../../domain/state.js';
import type { Operation } from '../execute.js';
import { algorithmLists } from '../key-metadata.js';
import { reference } from './encryption.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html */
export const getPublicKey: Operation<GetPublicKeyRequest, GetPublicKeyResponse> = {
  name: 'GetPublicKey',
  async run(request, call) {
    const loaded = await call.use(request.keyId ?? '', { action: 'kms:GetPublicKey' });
    const { key } = loaded;
    if (!isAsymmetric(key.spec)) {
      const message = `${key.arn} key spec is ${key.spec} which is not valid for GetPublicKey.`;
      throw new KeysteadError('UnsupportedOperation', message);
    }
    requireState('GetPublicKey', key);
    const wanted = { key: reference(usable(loaded, loaded.current, call.at)) };
    // Asked of the HSM each time: what a database says is not authenticated by the token.
    const { publicKey } = await call.environment.hsm.request('getPublicKey', wanted);
    const { encryptionAlgorithms, signingAlgorithms, keyAgreementAlgorithms, encapsulationAlgorithms } =
      algorithmLists(key);
    return {
      ...{ keyId: key.arn, publicKey, keySpec: key.spec, keyUsage: key.usage },
      ...{ encryptionAlgorithms, signingAlgorithms, keyAgreementAlgorithms, encapsulationAlgorithms },
    };
  },
};
