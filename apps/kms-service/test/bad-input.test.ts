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

/** A request of each operation whose form is right; `key` names whose key it uses. */
const good: [OperationName, string, object][] = [
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
  ['RevokeGrant', 'symmetric', { grantId: '0'.repeat(64) }],
];
const bytes = new Set(['message', 'signature', 'mac', 'publicKey', 'sharedSecretCiphertextBlob', 'importToken']);
const isBytes = (field: string): boolean => bytes.has(field) || field === 'encryptedKeyMaterial';
const sized = (field: string, length: number): unknown => (isBytes(field) ? randomBytes(length) : 'a'.repeat(length));

/** What breaks one constraint. */
function breaches({ field, required, min, max, values, pattern, each, maxMapBytes }: Constraint): unknown[] {
  if (each) return each.max === undefined ? [] : [['x'.repeat(each.max + 1)], Array(11).fill('x')];
  if (maxMapBytes !== undefined) return [{ k: 'v'.repeat(maxMapBytes) }];
  return [
    ...(required ? [undefined] : []),
    ...(min !== undefined && min > 0 ? [sized(field, min - 1)] : []),
    ...(max === undefined ? [] : [sized(field, max + 1)]),
    ...(values ? ['ROT13'] : []),
    ...(pattern ? ['!'.repeat(min ?? 1)] : []),
  ];
}

const caseOf = (name: string): Case => (name.charAt(0).toLowerCase() + name.slice(1)) as Case;
const errorsOf = async (name: string): Promise<string[]> =>
  (await s.records(name)).flatMap(({ errorCode }) => (typeof errorCode === 'string' ? [errorCode] : []));

describe('what breaks the API model is a ValidationException and a record', () => {
  test.each(good)('%s', async (name, key, request) => {
    let refusals = 0;
    for (const constraint of constraints[name] as readonly Constraint[]) {
      for (const value of breaches(constraint)) {
        const asked = { keyId: keys[key], ...request, [constraint.field]: value };
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
    expect(await errorsOf(name)).toEqual(Array(refusals).fill('ValidationException'));
  });
});

describe('what does not fit the key is refused in its own words and recorded', () => {
  const usages: [OperationName, string, object][] = good.filter(
    ([name, key]) => key !== 'external' && !name.endsWith('Grant'),
  );

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

  test.each(good)('%s with a key that is not there, or no id at all', async (name, _key, request) => {
    const before = (await errorsOf(name)).length;
    for (const keyId of [randomUUID(), 'alias/nobody', 'x'])
      await expect(s.kms(caseOf(name), { keyId, ...request })).rejects.toMatchObject({ code: 'NotFound' });
    expect((await errorsOf(name)).slice(before)).toEqual(Array(3).fill('NotFoundException'));
  });

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
