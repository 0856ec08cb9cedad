import { cloudTrailDate, type Json } from '@keystead/audit';
import type { KeyMetadata } from '@keystead/proto/kms';
import { symmetric, type Key, type Material } from '../domain/key.js';
import { algorithmsOf, type KeyUsage } from '../domain/key-spec.js';

/** The algorithms of a key, under the name of its usage: the others are empty. */
export function algorithmLists({ spec, usage }: Key) {
  const of = (wanted: KeyUsage): string[] => (usage === wanted ? [...(algorithmsOf(spec, usage) ?? [])] : []);
  return {
    encryptionAlgorithms: of('ENCRYPT_DECRYPT'),
    signingAlgorithms: of('SIGN_VERIFY'),
    macAlgorithms: of('GENERATE_VERIFY_MAC'),
    keyAgreementAlgorithms: of('KEY_AGREEMENT'),
    encapsulationAlgorithms: of('ENCAPSULATE_DECAPSULATE'),
  };
}

/** AWS's KeyMetadata. `current` is the current material; absent while a key waits for its first import. */
export function keyMetadata(key: Key, current: Material | undefined): KeyMetadata {
  const imported = key.origin === 'EXTERNAL' && current?.token ? current : undefined;
  const there = key.spec === symmetric && current;
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
    validToMs: imported?.validTo ? BigInt(imported.validTo.getTime()) : undefined,
    expirationModel: imported && expirationModel(imported),
    origin: key.origin,
    keyManager: key.manager === 'CUSTOMER' ? 'CUSTOMER' : 'AWS',
    keySpec: key.spec,
    ...algorithmLists(key),
    multiRegion: key.multiRegion,
    currentKeyMaterialId: there ? current.materialId : undefined,
  };
}

/** AWS's ExpirationModel of imported material. */
export function expirationModel({ validTo }: Material): string {
  return validTo ? 'KEY_MATERIAL_EXPIRES' : 'KEY_MATERIAL_DOES_NOT_EXPIRE';
}

/** The same as CloudTrail shows it in the record of CreateKey. */
export function recordedMetadata(key: Key): Record<string, Json> {
  const lists = Object.entries(algorithmLists(key)).filter(([, algorithms]) => algorithms.length > 0);
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
    ...Object.fromEntries(lists),
    multiRegion: key.multiRegion,
  };
}
