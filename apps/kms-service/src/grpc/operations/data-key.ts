import type { Json } from '@keystead/audit';
import type { GenerateDataKeyResponse } from '@keystead/proto/kms';
import { dataKeyLength } from '../../domain/data-key.js';
import type { KmsCall } from '../kms-call.js';
import { withContext } from '../parameters.js';
import { endDryRun, facts, reference, requireSymmetricKey } from './encryption.js';

/** What both operations that make data keys are asked. */
export interface DataKeyRequest {
  readonly keyId?: string | undefined;
  readonly encryptionContext: Record<string, string>;
  readonly numberOfBytes?: number | undefined;
  readonly keySpec?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export function dataKeyParameters({
  keyId = '',
  encryptionContext,
  numberOfBytes,
  keySpec,
  dryRun,
}: DataKeyRequest): Record<string, Json> {
  const parameters: Record<string, Json> = { keyId };
  if (numberOfBytes !== undefined) parameters['numberOfBytes'] = numberOfBytes;
  if (keySpec !== undefined) parameters['keySpec'] = keySpec;
  if (dryRun !== undefined) parameters['dryRun'] = dryRun;
  return withContext(parameters, { encryptionContext });
}

/** Makes a data key; `plaintext` is empty without it. */
export async function makeDataKey(
  operation: 'GenerateDataKey' | 'GenerateDataKeyWithoutPlaintext',
  request: DataKeyRequest,
  call: KmsCall,
): Promise<GenerateDataKeyResponse> {
  const numberOfBytes = dataKeyLength(request);
  const { encryptionContext } = request;
  const key = await call.use(request.keyId ?? '', { action: `kms:${operation}`, facts: facts(encryptionContext) });
  const current = requireSymmetricKey(operation, key, call);
  endDryRun(request.dryRun);
  call.notes = { additionalEventData: { keyMaterialId: current.materialId } };
  const withoutPlaintext = operation === 'GenerateDataKeyWithoutPlaintext';
  const wanted = { key: reference(current), numberOfBytes, encryptionContext, withoutPlaintext };
  const { plaintext, ciphertextBlob } = await call.environment.hsm.request('generateDataKey', wanted);
  return { plaintext, ciphertextBlob, keyId: key.key.arn, keyMaterialId: current.materialId };
}
