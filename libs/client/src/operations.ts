import * as messages from '@keystead/proto/kms';

/** Every operation of KMS, by the name of its RPC. */
export const operations = [
  'createKey',
  'describeKey',
  'listKeys',
  'updateKeyDescription',
  'enableKey',
  'disableKey',
  'scheduleKeyDeletion',
  'cancelKeyDeletion',
  'createAlias',
  'updateAlias',
  'deleteAlias',
  'listAliases',
  'putKeyPolicy',
  'getKeyPolicy',
  'listKeyPolicies',
  'tagResource',
  'untagResource',
  'listResourceTags',
  'enableKeyRotation',
  'disableKeyRotation',
  'getKeyRotationStatus',
  'getKeyLastUsage',
  'rotateKeyOnDemand',
  'listKeyRotations',
  'encrypt',
  'decrypt',
  'reEncrypt',
  'generateDataKey',
  'generateDataKeyWithoutPlaintext',
  'generateRandom',
  'getPublicKey',
  'sign',
  'verify',
  'generateMac',
  'verifyMac',
  'deriveSharedSecret',
  'encapsulate',
  'decapsulate',
  'generateDataKeyPair',
  'generateDataKeyPairWithoutPlaintext',
  'getParametersForImport',
  'importKeyMaterial',
  'deleteImportedKeyMaterial',
  'createGrant',
  'listGrants',
  'listRetirableGrants',
  'retireGrant',
  'revokeGrant',
] as const;

/** The name of an operation. */
export type OperationName = (typeof operations)[number];

/** The request message of each operation. */
export type Requests = {
  [Name in OperationName]: Extract<NonNullable<messages.Call['operation']>, { $case: Name }>['value'];
};

/** The response message of each operation. */
export type Responses = {
  [Name in OperationName]: Extract<NonNullable<messages.Result['outcome']>, { $case: Name }>['value'];
};

interface MessageType<T> {
  fromPartial(object: Partial<T>): T;
}

/** Fills in what proto3 leaves out: empty lists, maps and strings. */
export function complete<Name extends OperationName>(name: Name, partial: Partial<Requests[Name]>): Requests[Name] {
  const typeName = `${name.charAt(0).toUpperCase()}${name.slice(1)}Request`;
  const type = (messages as unknown as Record<string, MessageType<Requests[Name]>>)[typeName];
  if (type === undefined) throw new Error(`${typeName} is not in the contract`);
  return type.fromPartial(partial);
}
