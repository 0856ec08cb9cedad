import type { Json } from '@keystead/audit';
import { KeysteadError } from '@keystead/errors';
import type { GenerateDataKeyPairResponse } from '@keystead/proto/kms';
import { keySpec } from '../../clients/hsm-names.js';
import type { KmsCall } from '../kms-call.js';
import { withContext } from '../parameters.js';
import { endDryRun, facts, noteMaterial, reference, requireSymmetricKey } from './encryption.js';

/** What both operations that make data key pairs are asked. */
export interface DataKeyPairRequest {
  readonly keyId?: string | undefined;
  readonly encryptionContext: Record<string, string>;
  readonly keyPairSpec?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

/** RSA-4096 takes seconds, longer when others wait for theirs. */
const generateTimeoutMs = 60_000;

export function dataKeyPairParameters(request: DataKeyPairRequest): Record<string, Json> {
  const { keyId = '', keyPairSpec = '', dryRun, encryptionContext } = request;
  const parameters = { keyId, keyPairSpec, ...(dryRun === undefined ? {} : { dryRun }) };
  return withContext(parameters, { encryptionContext });
}

/** Makes a data key pair; `privateKeyPlaintext` is empty without it. */
export async function makeDataKeyPair(
  operation: 'GenerateDataKeyPair' | 'GenerateDataKeyPairWithoutPlaintext',
  request: DataKeyPairRequest,
  call: KmsCall,
): Promise<GenerateDataKeyPairResponse> {
  const { keyId = '', keyPairSpec = '', encryptionContext } = request;
  const about = { ...facts(encryptionContext), dataKeyPairSpec: keyPairSpec };
  const key = await call.use(keyId, { action: `kms:${operation}`, facts: about });
  const current = requireSymmetricKey(operation, key, call);
  if (keyPairSpec === 'SM2')
    throw new KeysteadError('UnsupportedOperation', 'KeyPairSpec SM2 is supported in China Regions only.');
  endDryRun(request.dryRun);
  const keyMaterialId = current.materialId;
  noteMaterial(call, { keyMaterialId });
  const withoutPlaintext = operation === 'GenerateDataKeyPairWithoutPlaintext';
  const wanted = { key: reference(current), keyPairSpec: keySpec(keyPairSpec), encryptionContext, withoutPlaintext };
  const options = { timeoutMs: generateTimeoutMs };
  const made = await call.environment.hsm.request('generateDataKeyPair', wanted, options);
  return { ...made, keyId: key.key.arn, keyPairSpec, keyMaterialId };
}
