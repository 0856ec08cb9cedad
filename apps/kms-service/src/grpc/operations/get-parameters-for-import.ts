import type { GetParametersForImportRequest, GetParametersForImportResponse } from '@keystead/proto/kms';
import { keySpec, wrappingAlgorithm } from '../../clients/hsm-names.js';
import { tokenFacts } from '../../clients/material.js';
import { requireExternal, requireWrapping } from '../../domain/imports.js';
import { requireState } from '../../domain/state.js';
import type { Operation } from '../execute.js';

/** An RSA-4096 wrapping key takes seconds to make. */
const generateTimeoutMs = 60_000;

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_GetParametersForImport.html */
export const getParametersForImport: Operation<GetParametersForImportRequest, GetParametersForImportResponse> = {
  name: 'GetParametersForImport',
  async run(request, call) {
    const { keyId = '', wrappingAlgorithm: algorithm = '', wrappingKeySpec = '' } = request;
    const facts = { wrappingAlgorithm: algorithm, wrappingKeySpec };
    const { key } = await call.manage(keyId, { action: 'kms:GetParametersForImport', facts });
    requireExternal(key);
    requireState('GetParametersForImport', key);
    requireWrapping(key, algorithm, wrappingKeySpec);
    const wanted = {
      ...tokenFacts(key),
      ...{ wrappingAlgorithm: wrappingAlgorithm(algorithm), wrappingKeySpec: keySpec(wrappingKeySpec) },
    };
    const options = { timeoutMs: generateTimeoutMs };
    const made = await call.environment.hsm.request('generateImportParameters', wanted, options);
    const { importToken, publicKey, validToMs } = made;
    return { keyId: key.arn, importToken, publicKey, parametersValidToMs: validToMs };
  },
};
