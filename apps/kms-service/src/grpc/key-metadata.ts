import { cloudTrailDate, type Json } from '@keystead/audit';
import type { KeyMetadata } from '@keystead/proto/kms';
import type { Key } from '../domain/key.js';

/** AWS's KeyMetadata of a symmetric key. `materialId` is its current material's. */
export function keyMetadata(key: Key, materialId: string): KeyMetadata {
  return {
    awsAccountId: key.account,
    keyId: key.id,
    arn: key.arn,
    creationDateMs: BigInt(key.createdAt.getTime()),
    enabled: key.state === 'Enabled',
    description: key.description,
    keyUsage: key.usage,
    keyState: key.state,
    deletionDateMs: key.deletionDate ? BigInt(key.deletionDate.getTime()) : undefined,
    origin: key.origin,
    keyManager: key.manager === 'CUSTOMER' ? 'CUSTOMER' : 'AWS',
    keySpec: key.spec,
    encryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    signingAlgorithms: [],
    macAlgorithms: [],
    keyAgreementAlgorithms: [],
    multiRegion: key.multiRegion,
    currentKeyMaterialId: materialId,
  };
}

/** The same as CloudTrail shows it in the record of CreateKey. */
export function recordedMetadata(key: Key): Record<string, Json> {
  return {
    aWSAccountId: key.account,
    keyId: key.id,
    arn: key.arn,
    creationDate: cloudTrailDate(key.createdAt),
    enabled: key.state === 'Enabled',
    description: key.description,
    keyUsage: key.usage,
    keyState: key.state,
    origin: key.origin,
    keyManager: key.manager === 'CUSTOMER' ? 'CUSTOMER' : 'AWS',
    customerMasterKeySpec: key.spec,
    keySpec: key.spec,
    encryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    multiRegion: key.multiRegion,
  };
}
