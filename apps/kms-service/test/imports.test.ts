import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { system, type System } from './support/system.js';
import { wrapMaterial } from './support/wrapping.js';

// What imports do when time passes: kms-service has the clock of the material, hsm-service that of its import tokens.

const hour = 3_600_000;
let s: System;
let hsmAhead = 0;
beforeAll(async () => {
  s = await system({ hsm: { now: () => new Date(Date.now() + hsmAhead) } });
});
afterAll(() => s[Symbol.asyncDispose]());
afterEach(() => {
  hsmAhead = 0;
  s.setClock(undefined);
});

const algorithm = 'RSAES_OAEP_SHA_256';

interface Parameters {
  readonly publicKey: Uint8Array;
  readonly importToken: Uint8Array;
}

const external = async (): Promise<string> =>
  (await s.kms('createKey', { origin: 'EXTERNAL' })).keyMetadata?.keyId ?? '';
const parameters = (keyId: string): Promise<Parameters> =>
  s.kms('getParametersForImport', { keyId, wrappingAlgorithm: algorithm, wrappingKeySpec: 'RSA_2048' });
const stateOf = async (keyId: string): Promise<string | undefined> =>
  (await s.kms('describeKey', { keyId })).keyMetadata?.keyState;

function importInto(keyId: string, { publicKey, importToken }: Parameters, material: Buffer, validTo?: Date) {
  return s.kms('importKeyMaterial', {
    ...{ keyId, importToken, encryptedKeyMaterial: wrapMaterial({ publicKey, algorithm }, material) },
    expirationModel: validTo ? 'KEY_MATERIAL_EXPIRES' : 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    validToMs: validTo && BigInt(validTo.getTime()),
  });
}

test('an import token is good for 24 hours, and its refusal changes nothing', async () => {
  const keyId = await external();
  const made = await parameters(keyId);
  hsmAhead = 24 * hour + 60_000;
  await expect(importInto(keyId, made, randomBytes(32))).rejects.toMatchObject({ code: 'ExpiredImportToken' });
  expect(await stateOf(keyId)).toBe('PendingImport');
  const refusals = (await s.records('ImportKeyMaterial')).filter(
    ({ requestParameters }) => (requestParameters as { keyId: string }).keyId === keyId,
  );
  expect(refusals).toMatchObject([{ errorCode: 'ExpiredImportTokenException', responseElements: null }]);
  hsmAhead = 23 * hour;
  await importInto(keyId, made, randomBytes(32));
  expect(await stateOf(keyId)).toBe('Enabled');
});

test('material is deleted when it expires, with an event of the service, and comes back', async () => {
  const keyId = await external();
  const material = randomBytes(32);
  const validTo = new Date(Date.now() + hour);
  const { keyMaterialId } = await importInto(keyId, await parameters(keyId), material, validTo);
  const { ciphertextBlob } = await s.kms('encrypt', { keyId, plaintext: Buffer.from('x') });
  s.setClock(validTo);
  // From the moment of its end, whether the worker has come by or not.
  await expect(s.kms('decrypt', { ciphertextBlob })).rejects.toMatchObject({ code: 'KmsInvalidState' });
  await expect.poll(() => stateOf(keyId), { timeout: 30_000 }).toBe('PendingImport');
  const own = async () =>
    (await s.records('DeleteExpiredKeyMaterial')).filter((record) => JSON.stringify(record).includes(keyId));
  await expect.poll(own, { timeout: 30_000 }).toMatchObject([
    {
      ...{ eventType: 'AwsServiceEvent', serviceEventDetails: { keyMaterialId } },
      resources: [{ ARN: expect.stringContaining(keyId) as string }],
    },
  ]);
  expect(await importInto(keyId, await parameters(keyId), material)).toMatchObject({ keyMaterialId });
  expect(Buffer.from((await s.kms('decrypt', { ciphertextBlob })).plaintext).toString()).toBe('x');
});
