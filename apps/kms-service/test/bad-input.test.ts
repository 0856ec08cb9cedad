import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { constraints, type OperationName } from '../src/domain/constraints.js';
import type { Constraint } from '../src/domain/validation.js';
import { account, system, type System } from './support/system.js';

let s: System;
const keys: Record<string, string> = {};
beforeAll(async () => {
  s = await system();
  const make = async (name: string, keySpec: string, keyUsage: string, origin = 'AWS_KMS'): Promise<void> => {
    const { keyMetadata } = await s.kms('createKey', { keySpec, keyUsage, origin });
    keys[name] = keyMetadata?.keyId ?? '';
  };
  await make('symmetric', 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT');
  await make('signing', 'ECC_NIST_P256', 'SIGN_VERIFY');
  await make('mac', 'HMAC_256', 'GENERATE_VERIFY_MAC');
  await make('agreement', 'ECC_NIST_P256', 'KEY_AGREEMENT');
  await make('kem', 'ML_KEM_512', 'ENCAPSULATE_DECAPSULATE');
  await make('external', 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', 'EXTERNAL');
});
afterAll(() => s[Symbol.asyncDispose]());

type Case = Parameters<System['kms']>[0];

/** A request of each operation whose form is right; `key` names whose key it uses, undefined where there is none. */
const good: [OperationName, string | undefined, object][] = [
  ['CreateKey', undefined, {}],
  ['DescribeKey', 'symmetric', {}],
  ['ListKeys', undefined, {}],
  ['UpdateKeyDescription', 'symmetric', { description: 'other' }],
  ['EnableKey', 'symmetric', {}],
  ['DisableKey', 'symmetric', {}],
  ['ScheduleKeyDeletion', 'symmetric', {}],
  ['CancelKeyDeletion', 'symmetric', {}],
  ['CreateAlias', undefined, { aliasName: 'alias/a', targetKeyId: randomUUID() }],
  ['UpdateAlias', undefined, { aliasName: 'alias/a', targetKeyId: randomUUID() }],
  ['DeleteAlias', undefined, { aliasName: 'alias/a' }],
  ['ListAliases', undefined, {}],
  ['PutKeyPolicy', 'symmetric', { policy: '{}' }],
  ['GetKeyPolicy', 'symmetric', {}],
  ['ListKeyPolicies', 'symmetric', {}],
  ['TagResource', 'symmetric', { tags: [{ tagKey: 'a', tagValue: 'b' }] }],
  ['UntagResource', 'symmetric', { tagKeys: ['a'] }],
  ['ListResourceTags', 'symmetric', {}],
  ['EnableKeyRotation', 'symmetric', {}],
  ['DisableKeyRotation', 'symmetric', {}],
  ['GetKeyRotationStatus', 'symmetric', {}],
  ['GetKeyLastUsage', 'symmetric', {}],
  ['RotateKeyOnDemand', 'symmetric', {}],
  ['ListKeyRotations', 'symmetric', {}],
  ['Encrypt', 'symmetric', { plaintext: randomBytes(9) }],
  ['Decrypt', undefined, { ciphertextBlob: randomBytes(99) }],
  ['ReEncrypt', undefined, { ciphertextBlob: randomBytes(99), destinationKeyId: randomUUID() }],
  ['GenerateDataKey', 'symmetric', { numberOfBytes: 32 }],
  ['GenerateDataKeyWithoutPlaintext', 'symmetric', { numberOfBytes: 32 }],
  ['GenerateRandom', undefined, { numberOfBytes: 32 }],
  ['GetPublicKey', 'signing', {}],
  ['Sign', 'signing', { message: randomBytes(9), signingAlgorithm: 'ECDSA_SHA_256' }],
  ['Verify', 'signing', { message: randomBytes(9), signature: randomBytes(70), signingAlgorithm: 'ECDSA_SHA_256' }],
  ['GenerateMac', 'mac', { message: randomBytes(9), macAlgorithm: 'HMAC_SHA_256' }],
  ['VerifyMac', 'mac', { message: randomBytes(9), mac: randomBytes(32), macAlgorithm: 'HMAC_SHA_256' }],
  ['DeriveSharedSecret', 'agreement', { keyAgreementAlgorithm: 'ECDH', publicKey: randomBytes(91) }],
  ['Encapsulate', 'kem', { encapsulationAlgorithm: 'ML_KEM' }],
  ['Decapsulate', 'kem', { encapsulationAlgorithm: 'ML_KEM', sharedSecretCiphertextBlob: randomBytes(768) }],
  ['GenerateDataKeyPair', 'symmetric', { keyPairSpec: 'ECC_NIST_P256' }],
  ['GenerateDataKeyPairWithoutPlaintext', 'symmetric', { keyPairSpec: 'ECC_NIST_P256' }],
  ['GetParametersForImport', 'external', { wrappingAlgorithm: 'RSAES_OAEP_SHA_256', wrappingKeySpec: 'RSA_2048' }],
  ['ImportKeyMaterial', 'external', { importToken: randomBytes(99), encryptedKeyMaterial: randomBytes(256) }],
  ['DeleteImportedKeyMaterial', 'external', {}],
  ['CreateGrant', 'symmetric', { granteePrincipal: `arn:aws:iam::${account}:root`, operations: ['Encrypt'] }],
  ['ListGrants', 'symmetric', {}],
  ['ListRetirableGrants', undefined, { retiringPrincipal: `arn:aws:iam::${account}:root` }],
  ['RetireGrant', 'symmetric', { grantId: '0'.repeat(64) }],
  ['RevokeGrant', 'symmetric', { grantId: '0'.repeat(64) }],
];
const cryptography = new Set<OperationName>([
  ...(['Encrypt', 'GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'GetPublicKey', 'Sign', 'Verify'] as const),
  ...(['GenerateMac', 'VerifyMac', 'DeriveSharedSecret', 'Encapsulate', 'Decapsulate', 'GenerateDataKeyPair'] as const),
  'GenerateDataKeyPairWithoutPlaintext',
]);
/** Operations that take no alias. */
const managing = (name: OperationName): boolean => !cryptography.has(name) && name !== 'DescribeKey';

const bytes = new Set([
  ...['plaintext', 'ciphertextBlob', 'message', 'signature', 'mac', 'publicKey', 'sharedSecretCiphertextBlob'],
  ...['importToken', 'encryptedKeyMaterial'],
]);
const numbers = new Set(['limit', 'numberOfBytes', 'pendingWindowInDays', 'rotationPeriodInDays']);

function sized(field: string, size: number): unknown {
  if (numbers.has(field)) return size;
  return bytes.has(field) ? randomBytes(size) : 'a'.repeat(size);
}

/** What breaks one constraint. */
function breaches({ field, required, min, max, values, pattern, each, members, maxMapBytes }: Constraint): unknown[] {
  if (members)
    return members.flatMap((member) => breaches(member).map((value) => [{ ...aTag, [member.field]: value }]));
  if (each) {
    const items = breaches({ ...each, field: 'item' });
    return [...items.map((item) => [item]), ...(max === undefined ? [] : [Array(max + 1).fill('x')])];
  }
  if (maxMapBytes !== undefined) return [{ k: 'v'.repeat(maxMapBytes) }];
  return [
    ...(required ? [undefined] : []),
    ...(min !== undefined && min > 0 ? [sized(field, min - 1)] : []),
    ...(max === undefined ? [] : [sized(field, max + 1)]),
    ...(values ? ['ROT13', ''] : []),
    ...(pattern ? ['\u0100'.repeat(min ?? 1), '\u0000'.repeat(min ?? 1)] : []),
  ];
}
const aTag = { tagKey: 'a', tagValue: 'b' };

/** Everything that kms-service keeps, but for what counts changes and carries records. */
async function stored(): Promise<unknown> {
  const pool = s.database.adminPool('kms-service');
  const { rows } = await pool.query<{ name: string }>({
    text: `select table_name as name from information_schema.tables where table_schema = current_schema() and table_type = 'BASE TABLE'`,
  });
  const names = rows.map(({ name }) => name).filter((name) => !passing.has(name));
  expect(names).toEqual(expect.arrayContaining(['key', 'key_material', 'key_grant', 'alias', 'tag']));
  const tables = await Promise.all(
    names.map(async (name) => [
      name,
      (await pool.query({ text: `select t::text as row from "${name}" t order by 1` })).rows,
    ]),
  );
  return Object.fromEntries(tables) as unknown;
}
const passing = new Set(['change', 'change_sequence', 'replica', 'audit_outbox', 'worker_lease', 'hsm_root']);

const caseOf = (name: string): Case => (name.charAt(0).toLowerCase() + name.slice(1)) as Case;
const errorsOf = async (name: string): Promise<string[]> =>
  (await s.records(name)).flatMap(({ errorCode }) => (typeof errorCode === 'string' ? [errorCode] : []));

test('every operation is here', () => {
  expect(good.map(([name]) => name).sort()).toEqual(Object.keys(constraints).sort());
});

describe('what breaks the API model is a ValidationException and a record, and leaves nothing behind', () => {
  let before: unknown;
  beforeAll(async () => {
    before = await stored();
  });
  afterAll(async () => {
    expect(await stored()).toEqual(before);
  });

  test.each(good)('%s', async (name, key, request) => {
    const known = (await errorsOf(name)).length;
    let refusals = 0;
    for (const constraint of constraints[name] as readonly Constraint[]) {
      for (const value of breaches(constraint)) {
        const asked = { ...(key && { keyId: keys[key] }), ...request, [constraint.field]: value };
        await expect(
          s.kms(caseOf(name), asked),
          `${constraint.field} ${String(value).slice(0, 40)}`,
        ).rejects.toMatchObject({
          code: 'Validation',
          message: expect.stringContaining(`at '${constraint.field}`) as string,
        });
        refusals++;
      }
    }
    expect((await errorsOf(name)).slice(known)).toEqual(Array(refusals).fill('ValidationException'));
  });
});

describe('what does not fit the key is refused in its own words and recorded, and leaves nothing behind', () => {
  let before: unknown;
  beforeAll(async () => {
    before = await stored();
  });
  afterAll(async () => {
    expect(await stored()).toEqual(before);
  });
  const onKeys = good.flatMap(([name, key, request]) => (key === undefined ? [] : [[name, key, request] as const]));
  const usages = onKeys.filter(([name]) => cryptography.has(name));

  test.each(usages)('%s with every other kind of key', async (name, key, request) => {
    for (const other of Object.keys(keys).filter((one) => one !== key && one !== 'external')) {
      const failed = s.kms(caseOf(name), { keyId: keys[other], ...request });
      if (name === 'GetPublicKey' && other !== 'symmetric' && other !== 'mac')
        await expect(failed).resolves.toBeDefined();
      else
        await expect(failed).rejects.toMatchObject({
          code: name === 'GetPublicKey' ? 'UnsupportedOperation' : 'InvalidKeyUsage',
        });
    }
  });

  test.each(onKeys)('%s with a key that is not there, or no id at all', async (name, _key, request) => {
    const known = (await errorsOf(name)).length;
    for (const keyId of [randomUUID(), 'alias/nobody', 'x'])
      await expect(s.kms(caseOf(name), { keyId, ...request })).rejects.toMatchObject({
        code: 'NotFound',
        message: keyId.includes('-') ? (expect.stringContaining(keyId) as string) : missing(name, keyId),
      });
    const other = `arn:aws:kms:eu-west-1:${account}:key/${randomUUID()}`;
    await expect(s.kms(caseOf(name), { keyId: other, ...request })).rejects.toMatchObject({
      ...{ code: 'NotFound', message: 'Invalid arn eu-west-1' },
    });
    expect((await errorsOf(name)).slice(known)).toEqual(Array(4).fill('NotFoundException'));
  });

  /** AWS's words: an alias is looked for where one may be given. */
  const missing = (name: OperationName, keyId: string): string =>
    keyId.startsWith('alias/') && !managing(name)
      ? `Alias arn:aws:kms:us-east-1:${account}:${keyId} is not found.`
      : `Invalid keyId '${keyId}'`;

  test('garbage for an import leaves the key as it was', async () => {
    const [, , request] = good.find(([name]) => name === 'ImportKeyMaterial') ?? [];
    const expirationModel = 'KEY_MATERIAL_DOES_NOT_EXPIRE';
    const failed = s.kms('importKeyMaterial', { keyId: keys['external'], ...request, expirationModel });
    await expect(failed).rejects.toMatchObject({ code: 'InvalidImportToken' });
    const { keyMetadata } = await s.kms('describeKey', { keyId: keys['external'] });
    expect(keyMetadata).toMatchObject({ keyState: 'PendingImport', currentKeyMaterialId: undefined });
    const pool = s.database.adminPool('kms-service');
    const { rows } = await pool.query<{ count: number }>({
      text: 'select (select count(*) from spent_import_token) + (select count(*) from key_material where key_id = $1) as count',
      values: [keys['external']],
    });
    expect(Number(rows[0]?.count)).toBe(0);
  });
});
