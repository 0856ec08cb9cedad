import { KeysteadError } from '@keystead/errors';
import type { Key, KeyState } from './key.js';
import type { KeyUsage } from './key-spec.js';

type Refusal = (arn: string) => KeysteadError;
type Row = Partial<Record<KeyState, Refusal>>;

const invalid =
  (what: string): Refusal =>
  (arn) =>
    new KeysteadError('KmsInvalidState', `${arn} is ${what}.`);
const disabled: Refusal = (arn) => new KeysteadError('Disabled', `${arn} is disabled.`);
const pendingDeletion = invalid('pending deletion');
const pendingImport = invalid('pending import');
const notPendingDeletion = invalid('not pending deletion');
const external: Refusal = (arn) =>
  new KeysteadError('UnsupportedOperation', `${arn} origin is EXTERNAL which is not valid for this operation.`);

const dying = { PendingDeletion: pendingDeletion, PendingReplicaDeletion: pendingDeletion };
const withoutMaterial: Row = {
  ...dying,
  Creating: invalid('creating'),
  Disabled: disabled,
  PendingImport: pendingImport,
};
const cryptographic: Row = { ...withoutMaterial, Unavailable: invalid('unavailable') };
const toggle: Row = { ...dying, PendingImport: pendingImport, Updating: invalid('updating') };
const schedule: Row = { ...dying, Updating: invalid('updating') };
const describe: Row = dying;
const rotation: Row = { ...dying, Disabled: disabled, PendingImport: external };
const always: Row = {};
const cancel: Row = {
  Creating: notPendingDeletion,
  Enabled: notPendingDeletion,
  Disabled: notPendingDeletion,
  PendingImport: notPendingDeletion,
  Unavailable: notPendingDeletion,
  Updating: notPendingDeletion,
};

/**
 * Which states refuse which operation, and how. What is not listed is allowed.
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
 */
const table = {
  Encrypt: cryptographic,
  Decrypt: cryptographic,
  ReEncrypt: cryptographic,
  GenerateDataKey: cryptographic,
  GenerateDataKeyWithoutPlaintext: cryptographic,
  GenerateDataKeyPair: cryptographic,
  GenerateDataKeyPairWithoutPlaintext: cryptographic,
  Sign: cryptographic,
  Verify: cryptographic,
  GetPublicKey: cryptographic,
  GenerateMac: cryptographic,
  VerifyMac: cryptographic,
  DeriveSharedSecret: cryptographic,
  Encapsulate: cryptographic,
  Decapsulate: cryptographic,
  // Unlike cryptography it needs no material.
  CreateGrant: withoutMaterial,
  ListGrants: always,
  RetireGrant: always,
  RevokeGrant: always,
  EnableKey: toggle,
  DisableKey: toggle,
  ScheduleKeyDeletion: schedule,
  CancelKeyDeletion: cancel,
  CreateAlias: describe,
  // Only the new target is asked: an alias may leave a key that is pending deletion.
  UpdateAlias: describe,
  DeleteAlias: always,
  TagResource: describe,
  UntagResource: describe,
  UpdateKeyDescription: describe,
  EnableKeyRotation: rotation,
  DisableKeyRotation: rotation,
  GetKeyLastUsage: always,
  GetKeyRotationStatus: { PendingImport: external } as Row,
  RotateKeyOnDemand: { ...dying, Disabled: disabled, PendingImport: pendingImport } as Row,
  ListKeyRotations: always,
  GetParametersForImport: dying,
  ImportKeyMaterial: dying,
  DeleteImportedKeyMaterial: always,
  DescribeKey: always,
  GetKeyPolicy: always,
  PutKeyPolicy: always,
  ListKeyPolicies: always,
  ListAliases: always,
  ListResourceTags: always,
} satisfies Record<string, Row>;

/** An operation on a key. */
export type KeyOperation = keyof typeof table;

const rows: Readonly<Record<KeyOperation, Row>> = table;

/** Refuses an operation that the key's state does not allow. Errors: Disabled, KmsInvalidState, UnsupportedOperation. */
export function requireState(operation: KeyOperation, key: Key): void {
  const refusal = rows[operation][key.state];
  if (refusal) throw refusal(key.arn);
}

const usages: Partial<Record<KeyOperation, KeyUsage>> = {
  Sign: 'SIGN_VERIFY',
  Verify: 'SIGN_VERIFY',
  GenerateMac: 'GENERATE_VERIFY_MAC',
  VerifyMac: 'GENERATE_VERIFY_MAC',
  DeriveSharedSecret: 'KEY_AGREEMENT',
  Encapsulate: 'ENCAPSULATE_DECAPSULATE',
  Decapsulate: 'ENCAPSULATE_DECAPSULATE',
};

/** Refuses an operation for which the key is not made. Errors: InvalidKeyUsage. */
export function requireUsage(operation: KeyOperation, key: Key): void {
  if (key.usage === (usages[operation] ?? 'ENCRYPT_DECRYPT')) return;
  const message = `${key.arn} key usage is ${key.usage} which is not valid for ${operation}.`;
  throw new KeysteadError('InvalidKeyUsage', message);
}
