import type { Json } from '@keystead/audit';
import type { KeyReference } from '@keystead/proto/hsm';
import { messageType, signingAlgorithm } from '../../clients/hsm-names.js';
import { requireMessage } from '../../domain/algorithms.js';
import type { KmsCall } from '../kms-call.js';
import { reference, requireUsable } from './encryption.js';

/** What Sign and Verify are both asked. */
export interface SigningRequest {
  readonly keyId?: string | undefined;
  readonly message?: Uint8Array | undefined;
  readonly messageType?: string | undefined;
  readonly signingAlgorithm?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

const empty = new Uint8Array();

/** The record says how was signed, not what. */
export function signingParameters(request: SigningRequest): Record<string, Json> {
  return {
    keyId: request.keyId ?? '',
    messageType: request.messageType ?? 'RAW',
    signingAlgorithm: request.signingAlgorithm ?? '',
    ...(request.dryRun === undefined ? {} : { dryRun: request.dryRun }),
  };
}

/** Authorizes and checks a signature or its verification; answers what the HSM is asked. */
export async function prepareSigning(
  operation: 'Sign' | 'Verify',
  request: SigningRequest,
  call: KmsCall,
): Promise<{ arn: string; wanted: ReturnType<typeof wantedOf> }> {
  const { message = empty, messageType: type = 'RAW', signingAlgorithm: algorithm = '' } = request;
  const facts = { signingAlgorithm: algorithm, messageType: type };
  const key = await call.use(request.keyId ?? '', { action: `kms:${operation}`, facts });
  const current = requireUsable(operation, key, algorithm, call);
  requireMessage(algorithm, type, message);
  return { arn: key.key.arn, wanted: wantedOf(reference(current), message, type, algorithm) };
}

function wantedOf(key: KeyReference, message: Uint8Array, type: string, algorithm: string) {
  return { key, message, messageType: messageType(type), signingAlgorithm: signingAlgorithm(algorithm) };
}
