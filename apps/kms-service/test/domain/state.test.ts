import { describe, expect, test } from 'vitest';
import type { KeyState } from '../../src/domain/key.js';
import { requireState, requireUsage, type KeyOperation } from '../../src/domain/state.js';
import { key } from './keys.js';

const states: KeyState[] = ['Enabled', 'Disabled', 'PendingImport', 'PendingDeletion', 'Unavailable'];
const cryptographic = ['ok', 'Disabled', 'KmsInvalidState', 'KmsInvalidState', 'KmsInvalidState'];
const always = ['ok', 'ok', 'ok', 'ok', 'ok'];
const notDying = ['ok', 'ok', 'ok', 'KmsInvalidState', 'ok'];

/** https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html: operation, then what each state answers. */
const table: Record<KeyOperation, string[]> = {
  CreateGrant: ['ok', 'Disabled', 'KmsInvalidState', 'KmsInvalidState', 'ok'],
  ListGrants: always,
  RetireGrant: always,
  RevokeGrant: always,
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
  GetParametersForImport: notDying,
  ImportKeyMaterial: notDying,
  DeleteImportedKeyMaterial: always,
  EnableKey: ['ok', 'ok', 'KmsInvalidState', 'KmsInvalidState', 'ok'],
  DisableKey: ['ok', 'ok', 'KmsInvalidState', 'KmsInvalidState', 'ok'],
  CancelKeyDeletion: ['KmsInvalidState', 'KmsInvalidState', 'KmsInvalidState', 'ok', 'KmsInvalidState'],
  ScheduleKeyDeletion: notDying,
  CreateAlias: notDying,
  UpdateAlias: notDying,
  TagResource: notDying,
  UntagResource: notDying,
  UpdateKeyDescription: notDying,
  EnableKeyRotation: ['ok', 'Disabled', 'UnsupportedOperation', 'KmsInvalidState', 'ok'],
  DisableKeyRotation: ['ok', 'Disabled', 'UnsupportedOperation', 'KmsInvalidState', 'ok'],
  GetKeyRotationStatus: ['ok', 'ok', 'UnsupportedOperation', 'ok', 'ok'],
  RotateKeyOnDemand: ['ok', 'Disabled', 'KmsInvalidState', 'KmsInvalidState', 'ok'],
  ListKeyRotations: always,
  GetKeyLastUsage: always,
  DescribeKey: always,
  GetKeyPolicy: always,
  PutKeyPolicy: always,
  ListKeyPolicies: always,
  ListAliases: always,
  ListResourceTags: always,
  DeleteAlias: always,
};

function answer(operation: KeyOperation, state: KeyState): string {
  try {
    requireState(operation, key({ state }));
    return 'ok';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('states × operations', () => {
  test.each(Object.entries(table))('%s', (operation, expected) => {
    expect(states.map((state) => answer(operation as KeyOperation, state))).toEqual(expected);
  });

  test.each([
    ['Disabled', 'Encrypt', 'is disabled.'],
    ['PendingDeletion', 'Encrypt', 'is pending deletion.'],
    ['PendingImport', 'Encrypt', 'is pending import.'],
    ['Unavailable', 'Encrypt', 'is unavailable.'],
    ['Enabled', 'CancelKeyDeletion', 'is not pending deletion.'],
    ['PendingImport', 'EnableKeyRotation', 'origin is EXTERNAL which is not valid for this operation.'],
  ] as const)("%s keys refuse %s in AWS's words", (state, operation, words) => {
    const stored = key({ state });
    expect(() => requireState(operation, stored)).toThrow(`${stored.arn} ${words}`);
  });

  test('a key for signatures does not encrypt', () => {
    const stored = key({ usage: 'SIGN_VERIFY' });
    expect(() => requireUsage('Encrypt', stored)).toThrow(
      `${stored.arn} key usage is SIGN_VERIFY which is not valid for Encrypt.`,
    );
  });
});
