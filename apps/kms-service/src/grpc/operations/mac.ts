import type { Json } from '@keystead/audit';
import { macAlgorithm } from '../../clients/hsm-names.js';
import type { KmsCall } from '../kms-call.js';
import { reference, requireUsable } from './encryption.js';

/** What GenerateMac and VerifyMac are both asked. */
export interface MacRequest {
  readonly keyId?: string | undefined;
  readonly message?: Uint8Array | undefined;
  readonly macAlgorithm?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

const empty = new Uint8Array();

/** The record holds neither the message nor its MAC. */
export function macParameters({ keyId = '', macAlgorithm: algorithm = '', dryRun }: MacRequest): Record<string, Json> {
  return { keyId, macAlgorithm: algorithm, ...(dryRun === undefined ? {} : { dryRun }) };
}

/** Authorizes and checks a MAC or its verification; answers what the HSM is asked. */
export async function prepareMac(operation: 'GenerateMac' | 'VerifyMac', request: MacRequest, call: KmsCall) {
  const { keyId = '', message = empty, macAlgorithm: algorithm = '' } = request;
  const key = await call.use(keyId, { action: `kms:${operation}`, facts: { macAlgorithm: algorithm } });
  const current = requireUsable(operation, key, algorithm, call);
  return { arn: key.key.arn, wanted: { key: reference(current), message, macAlgorithm: macAlgorithm(algorithm) } };
}
