import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { CallContext } from '@keystead/proto/common';
import { compilePolicy, evaluate } from '@keystead/policy';
import { hasCode } from '@keystead/errors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kmsValues } from '../src/domain/conditions.js';
import { account, root, system, type System } from './support/system.js';

let s: System;
let user: CallContext;
let blob: Uint8Array;
const keys: Record<string, string> = {};

beforeAll(async () => {
  s = await system();
  user = await s.user('conditional');
  const make = async (name: string, keySpec: string, keyUsage: string, origin = 'AWS_KMS'): Promise<void> => {
    const tags = [{ tagKey: 'Team', tagValue: 'blue' }];
    const { keyMetadata } = await s.kms('createKey', { keySpec, keyUsage, origin, tags });
    keys[name] = keyMetadata?.keyId ?? '';
  };
  await make('symmetric', 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT');
  await make('signing', 'ECC_NIST_P256', 'SIGN_VERIFY');
  await make('mac', 'HMAC_256', 'GENERATE_VERIFY_MAC');
  await make('agreement', 'ECC_NIST_P256', 'KEY_AGREEMENT');
  await make('external', 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', 'EXTERNAL');
  await s.kms('createAlias', { aliasName: 'alias/conditional', targetKeyId: keys['symmetric'] ?? '' });
  blob = (await s.kms('encrypt', { keyId: keys['symmetric'] ?? '', plaintext: Buffer.from('x') })).ciphertextBlob;
});
afterAll(() => s[Symbol.asyncDispose]());

type Case = Parameters<System['kms']>[0];
interface Row {
  readonly key: string;
  /** What the operation gives it, and what it does not. */
  readonly is: string;
  readonly not: string;
  readonly operator?: string;
  /** IAM's name of the action, where it is not the operation's. */
  readonly action?: string;
  readonly operation: Case;
  /** Whose key it uses. */
  readonly of?: string;
  request?(): object;
  readonly as?: Partial<CallContext>;
}

const plaintext = Buffer.from('x');
const dry = { dryRun: true };
const peer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'der', type: 'spki' });
const importing = { importToken: randomBytes(99), encryptedKeyMaterial: randomBytes(99) };
const member = { operator: 'ForAnyValue:StringEquals' };
const granted = { granteePrincipal: `arn:aws:iam::${account}:root`, operations: ['Encrypt', 'Decrypt'] };
const grant = { ...granted, ...dry };
const constraints = { encryptionContextEquals: { pairs: { team: 'blue' } } };
const encrypting = { operation: 'encrypt' as const, of: 'symmetric' };
const granting = { operation: 'createGrant' as const, of: 'symmetric', request: () => ({ ...grant, constraints }) };
const signing = {
  ...{ operation: 'sign' as const, of: 'signing' },
  request: () => ({ message: plaintext, signingAlgorithm: 'ECDSA_SHA_256', ...dry }),
};
const make = { operation: 'createKey' as const };

/** Every condition key of KMS that can have a value here, with AWS's defaults where the request says nothing (ADR 0120). */
const rows: Row[] = [
  {
    key: 'aws:RequestTag/Team',
    is: 'blue',
    not: 'red',
    ...make,
    request: () => ({ tags: [{ tagKey: 'Team', tagValue: 'blue' }] }),
  },
  {
    key: 'aws:TagKeys',
    is: 'Team',
    not: 'team2',
    ...member,
    operation: 'untagResource',
    of: 'mac',
    request: () => ({ tagKeys: ['Team', 'x'] }),
  },
  { key: 'aws:ResourceTag/Team', is: 'blue', not: 'red', operation: 'describeKey', of: 'symmetric' },
  { key: 'aws:ResourceAccount', is: account, not: '111122223333', operation: 'describeKey', of: 'symmetric' },
  { key: 'kms:BypassPolicyLockoutSafetyCheck', is: 'true', not: 'false', operator: 'Null', ...make },
  {
    key: 'kms:BypassPolicyLockoutSafetyCheck',
    is: 'true',
    not: 'false',
    operator: 'Bool',
    operation: 'putKeyPolicy',
    of: 'symmetric',
    request: () => ({ policy: '{', bypassPolicyLockoutSafetyCheck: true }),
  },
  { key: 'kms:CallerAccount', is: account, not: '111122223333', ...encrypting, request: () => ({ plaintext }) },
  { key: 'kms:CustomerMasterKeySpec', is: 'SYMMETRIC_DEFAULT', not: 'RSA_2048', ...make },
  { key: 'kms:CustomerMasterKeyUsage', is: 'ENCRYPT_DECRYPT', not: 'SIGN_VERIFY', ...make },
  {
    key: 'kms:DataKeyPairSpec',
    is: 'ECC_NIST_P256',
    not: 'RSA_2048',
    operation: 'generateDataKeyPair',
    of: 'symmetric',
    request: () => ({ keyPairSpec: 'ECC_NIST_P256', ...dry }),
  },
  {
    key: 'kms:EncryptionAlgorithm',
    is: 'SYMMETRIC_DEFAULT',
    not: 'RSAES_OAEP_SHA_1',
    operation: 'generateDataKey',
    of: 'symmetric',
    request: () => ({ keySpec: 'AES_256', ...dry }),
  },
  {
    key: 'kms:EncryptionAlgorithm',
    is: 'RSAES_OAEP_SHA_1',
    not: 'SYMMETRIC_DEFAULT',
    ...encrypting,
    request: () => ({ plaintext, encryptionAlgorithm: 'RSAES_OAEP_SHA_1' }),
  },
  {
    key: 'kms:EncryptionContext:team',
    is: 'blue',
    not: 'red',
    ...encrypting,
    request: () => ({ plaintext, encryptionContext: { Team: 'blue' } }),
  },
  { key: 'kms:EncryptionContext:team', is: 'blue', not: 'red', ...granting },
  {
    key: 'kms:EncryptionContextKeys',
    is: 'Team',
    not: 'team',
    ...member,
    ...encrypting,
    request: () => ({ plaintext, encryptionContext: { Team: 'blue' } }),
  },
  {
    key: 'kms:ExpirationModel',
    is: 'KEY_MATERIAL_EXPIRES',
    not: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    operation: 'importKeyMaterial',
    of: 'external',
    request: () => ({ ...importing, expirationModel: 'KEY_MATERIAL_EXPIRES' }),
  },
  {
    key: 'kms:ExpirationModel',
    is: 'true',
    not: 'false',
    operator: 'Null',
    operation: 'importKeyMaterial',
    of: 'external',
    request: () => importing,
  },
  { key: 'kms:GrantConstraintType', is: 'EncryptionContextEquals', not: 'EncryptionContextSubset', ...granting },
  { key: 'kms:GrantIsForAWSResource', is: 'false', not: 'true', operator: 'Bool', ...granting },
  {
    key: 'kms:GrantIsForAWSResource',
    is: 'true',
    not: 'false',
    operator: 'Bool',
    ...granting,
    as: { viaService: 's3' },
  },
  {
    key: 'kms:GrantIsForAWSResource',
    is: 'false',
    not: 'true',
    operator: 'Bool',
    operation: 'listGrants',
    of: 'symmetric',
  },
  { key: 'kms:GrantOperations', is: 'Decrypt', not: 'Sign', ...member, ...granting },
  { key: 'kms:GranteePrincipal', is: grant.granteePrincipal, not: 'x', ...granting },
  {
    key: 'kms:KeyAgreementAlgorithm',
    is: 'ECDH',
    not: 'x',
    operation: 'deriveSharedSecret',
    of: 'agreement',
    request: () => ({ keyAgreementAlgorithm: 'ECDH', publicKey: peer, ...dry }),
  },
  { key: 'kms:KeyOrigin', is: 'EXTERNAL', not: 'AWS_KMS', operation: 'describeKey', of: 'external' },
  { key: 'kms:KeySpec', is: 'SYMMETRIC_DEFAULT', not: 'RSA_2048', ...make },
  { key: 'kms:KeyUsage', is: 'GENERATE_VERIFY_MAC', not: 'ENCRYPT_DECRYPT', operation: 'describeKey', of: 'mac' },
  {
    key: 'kms:MacAlgorithm',
    is: 'HMAC_SHA_256',
    not: 'HMAC_SHA_512',
    operation: 'generateMac',
    of: 'mac',
    request: () => ({ message: plaintext, macAlgorithm: 'HMAC_SHA_256', ...dry }),
  },
  { key: 'kms:MessageType', is: 'RAW', not: 'DIGEST', ...signing },
  { key: 'kms:MultiRegion', is: 'false', not: 'true', operator: 'Bool', ...make },
  {
    key: 'kms:ReEncryptOnSameKey',
    is: 'true',
    not: 'false',
    operator: 'Bool',
    action: 'kms:ReEncrypt*',
    operation: 'reEncrypt',
    request: () => ({ ciphertextBlob: blob, destinationKeyId: keys['symmetric'], ...dry }),
  },
  {
    key: 'kms:RequestAlias',
    is: 'alias/conditional',
    not: 'alias/other',
    operation: 'encrypt',
    request: () => ({ keyId: 'alias/conditional', plaintext }),
  },
  {
    key: 'kms:ResourceAliases',
    is: 'alias/conditional',
    not: 'alias/other',
    ...member,
    ...encrypting,
    request: () => ({ plaintext }),
  },
  {
    key: 'kms:RetiringPrincipal',
    is: `arn:aws:iam::${account}:root`,
    not: 'x',
    operation: 'createGrant',
    of: 'symmetric',
    request: () => ({ ...grant, retiringPrincipal: grant.granteePrincipal }),
  },
  {
    key: 'kms:RotationPeriodInDays',
    is: '365',
    not: '90',
    operator: 'NumericEquals',
    operation: 'enableKeyRotation',
    of: 'mac',
  },
  {
    key: 'kms:ScheduleKeyDeletionPendingWindowInDays',
    is: '30',
    not: '7',
    operator: 'NumericEquals',
    operation: 'scheduleKeyDeletion',
    of: 'agreement',
  },
  {
    key: 'kms:TrailingDaysWithoutKeyUsage',
    is: '0',
    not: '1',
    operator: 'NumericEquals',
    operation: 'disableKey',
    of: 'agreement',
  },
  { key: 'kms:SigningAlgorithm', is: 'ECDSA_SHA_256', not: 'ECDSA_SHA_384', ...signing },
  {
    key: 'kms:ValidTo',
    is: '2027-01-02T03:04:05Z',
    not: '2027-01-02T03:04:06Z',
    operator: 'DateEquals',
    operation: 'importKeyMaterial',
    of: 'external',
    request: () => ({ ...importing, validToMs: BigInt(Date.parse('2027-01-02T03:04:05Z')) }),
  },
  {
    key: 'kms:ValidTo',
    is: '1798859045.0',
    not: '1798859044.0',
    operator: 'NumericLessThanEquals',
    operation: 'importKeyMaterial',
    of: 'external',
    request: () => ({ ...importing, validToMs: BigInt(Date.parse('2027-01-02T03:04:05Z')) }),
  },
  {
    key: 'kms:ViaService',
    is: 's3.us-east-1.amazonaws.com',
    not: 'ec2.us-east-1.amazonaws.com',
    ...encrypting,
    request: () => ({ plaintext }),
    as: { viaService: 's3' },
  },
  {
    key: 'kms:WrappingAlgorithm',
    is: 'RSAES_OAEP_SHA_256',
    not: 'RSAES_OAEP_SHA_1',
    operation: 'getParametersForImport',
    of: 'external',
    request: () => ({ wrappingAlgorithm: 'RSAES_OAEP_SHA_256', wrappingKeySpec: 'RSA_2048' }),
  },
  {
    key: 'kms:WrappingKeySpec',
    is: 'RSA_2048',
    not: 'RSA_4096',
    operation: 'getParametersForImport',
    of: 'external',
    request: () => ({ wrappingAlgorithm: 'RSAES_OAEP_SHA_256', wrappingKeySpec: 'RSA_2048' }),
  },
];

const actionOf = ({ action, operation }: Row): string =>
  action ?? `kms:${operation.charAt(0).toUpperCase()}${operation.slice(1)}`;

/** What the user may do: the row's action where the condition holds, and nothing else. */
async function allowOnly(row: Row, value: string): Promise<void> {
  const Condition = { [row.operator ?? 'StringEquals']: { [row.key]: value } };
  const Action = [actionOf(row), ...(row.key.startsWith('aws:RequestTag') ? ['kms:TagResource'] : [])];
  const document = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*', Condition }] };
  const request = { userName: 'conditional', policyName: 'own', policyDocument: JSON.stringify(document) };
  await s.iam.request('putUserPolicy', request, { context: root });
}

/** Whether the call got past authorization, whatever came then. */
async function passes(row: Row): Promise<boolean> {
  const request = { ...(row.of === undefined ? {} : { keyId: keys[row.of] ?? '' }), ...row.request?.() };
  try {
    await s.kms(row.operation, request, { ...user, ...row.as });
    return true;
  } catch (error) {
    if (hasCode(error, 'AccessDenied')) return false;
    expect(error).not.toMatchObject({ code: 'Internal' });
    return true;
  }
}

describe('condition keys have their values', () => {
  test.each(rows.map((row) => [row.key, row.operation, row] as const))('%s in %s', async (_key, _operation, row) => {
    await allowOnly(row, row.not);
    expect(await passes(row)).toBe(false);
    await allowOnly(row, row.is);
    expect(await passes(row)).toBe(true);
  });
});

describe('condition keys without a value here', () => {
  const policyWith = (key: string) =>
    JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: '*', Resource: '*', Condition: { Null: { [key]: 'false' } } }],
    });

  test.each([
    ...['kms:GrantConstraintSourceArn', 'kms:GranteeServicePrincipal', 'kms:RetiringServicePrincipal'],
    ...['kms:MultiRegionKeyType', 'kms:PrimaryRegion', 'kms:ReplicaRegion', 'kms:RecipientAttestation:ImageSha384'],
  ])('%s is known and absent', (key) => {
    const policy = compilePolicy(policyWith(key), { kind: 'identity', name: 'own' });
    const principal = { arn: user.principal?.arn ?? '', account };
    const about = { key: { account, spec: '', usage: '', origin: '', multiRegion: false }, tags: [], aliases: [] };
    const { effect } = evaluate({
      ...{ action: 'kms:Encrypt', resource: '*', resourceAccount: account, principal, identity: [policy] },
      values: kmsValues({}, { account, viaService: undefined }, about),
      resourcePolicyDecides: false,
    });
    expect(effect).toBe('ImplicitDeny');
  });
});

describe('a dry run checks everything and does nothing', () => {
  const message = 'The request would have succeeded, but the DryRun option is set.';
  const keyIdOf = (of: string) => keys[of] ?? '';
  const peerKey = { keyAgreementAlgorithm: 'ECDH', publicKey: peer };
  const signed = { message: plaintext, signingAlgorithm: 'ECDSA_SHA_256' };
  const authenticated = { message: plaintext, macAlgorithm: 'HMAC_SHA_256' };

  const verified = async () => {
    const { signature } = await s.kms('sign', { keyId: keyIdOf('signing'), ...signed });
    return { ...signed, signature };
  };
  const verifiedMac = async () => {
    const { mac } = await s.kms('generateMac', { keyId: keyIdOf('mac'), ...authenticated });
    return { ...authenticated, mac };
  };

  test.each<[Case, string, () => object | Promise<object>]>([
    ['encrypt', 'symmetric', () => ({ plaintext })],
    ['decrypt', 'symmetric', () => ({ ciphertextBlob: blob })],
    ['reEncrypt', 'symmetric', () => ({ ciphertextBlob: blob, destinationKeyId: keyIdOf('symmetric') })],
    ['generateDataKey', 'symmetric', () => ({ keySpec: 'AES_256' })],
    ['generateDataKeyWithoutPlaintext', 'symmetric', () => ({ keySpec: 'AES_256' })],
    ['generateDataKeyPair', 'symmetric', () => ({ keyPairSpec: 'ECC_NIST_P256' })],
    ['generateDataKeyPairWithoutPlaintext', 'symmetric', () => ({ keyPairSpec: 'ECC_NIST_P256' })],
    ['sign', 'signing', () => signed],
    ['verify', 'signing', verified],
    ['generateMac', 'mac', () => authenticated],
    ['verifyMac', 'mac', verifiedMac],
    ['deriveSharedSecret', 'agreement', () => peerKey],
    ['createGrant', 'symmetric', () => granted],
  ])('%s', async (operation, of, request) => {
    const { keyMetadata } = await s.kms('describeKey', { keyId: keyIdOf(of) });
    if (keyMetadata?.keyState === 'PendingDeletion') {
      await s.kms('cancelKeyDeletion', { keyId: keyIdOf(of) });
      await s.kms('enableKey', { keyId: keyIdOf(of) });
    }
    const asked = { keyId: keyIdOf(of), ...(await request()), dryRun: true };
    await expect(s.kms(operation, asked)).rejects.toMatchObject({ code: 'DryRunOperation', message });
    const stranger = await s.user(`dry-${operation}`);
    await expect(s.kms(operation, asked, stranger)).rejects.toMatchObject({ code: 'AccessDenied' });
    await s.kms('disableKey', { keyId: keyIdOf(of) });
    await expect(s.kms(operation, asked)).rejects.toMatchObject({ code: 'Disabled' });
    await s.kms('enableKey', { keyId: keyIdOf(of) });
  });
});

describe('U+0000 is a ValidationException', () => {
  const marker = (list: string): string => Buffer.from(`${list}\n\u0000`).toString('base64url');
  const keyId = () => keys['symmetric'] ?? '';
  const hash = createHash('sha256').update('x').digest('hex');

  test.each<[Case, () => object, string]>([
    ['createKey', () => ({ description: 'a\u0000b' }), 'Validation'],
    ['updateKeyDescription', () => ({ keyId: keyId(), description: '\u0000' }), 'Validation'],
    ['createKey', () => ({ policy: '{"\u0000": 1}' }), 'Validation'],
    ['putKeyPolicy', () => ({ keyId: keyId(), policy: '{}\u0000' }), 'Validation'],
    ['createKey', () => ({ tags: [{ tagKey: 'a\u0000', tagValue: '' }] }), 'Validation'],
    ['tagResource', () => ({ keyId: keyId(), tags: [{ tagKey: 'a', tagValue: '\u0000' }] }), 'Validation'],
    ['untagResource', () => ({ keyId: keyId(), tagKeys: ['\u0000'] }), 'Validation'],
    ['createAlias', () => ({ aliasName: 'alias/\u0000', targetKeyId: keyId() }), 'Validation'],
    ['encrypt', () => ({ keyId: 'alias/\u0000', plaintext }), 'Validation'],
    ['encrypt', () => ({ keyId: `${keyId()}\u0000`, plaintext }), 'Validation'],
    ['createGrant', () => ({ ...grant, keyId: keyId(), name: 'a\u0000' }), 'Validation'],
    ['createGrant', () => ({ ...grant, keyId: keyId(), granteePrincipal: 'a\u0000' }), 'Validation'],
    ['listGrants', () => ({ keyId: keyId(), granteePrincipal: '\u0000' }), 'Validation'],
    ['revokeGrant', () => ({ keyId: keyId(), grantId: `${hash.slice(1)}\u0000` }), 'Validation'],
    ['listKeys', () => ({ marker: '\u0000' }), 'Validation'],
    ['listKeys', () => ({ marker: marker(`keys ${account}`) }), 'InvalidMarker'],
    ['listAliases', () => ({ marker: marker(`aliases ${account} `) }), 'InvalidMarker'],
    ['listGrants', () => ({ keyId: keyId(), marker: marker(`grants ${account} ${keyId()}  `) }), 'InvalidMarker'],
  ])('%s %#', async (operation, request, code) => {
    await expect(s.kms(operation, request())).rejects.toMatchObject({ code });
  });

  test('a constraint may have it: an encryption context may', async () => {
    const pairs = { 'a\u0000': '\u0000b' };
    const constraints = { encryptionContextEquals: { pairs }, encryptionContextSubset: undefined };
    const asked = { ...grant, dryRun: false, keyId: keyId(), constraints };
    const { grantId } = await s.kms('createGrant', asked);
    const { grants } = await s.kms('listGrants', { keyId: keyId(), grantId });
    expect(grants[0]?.constraints?.encryptionContextEquals).toEqual({ pairs });
  });
});
