import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestingServiceClient } from '@keystead/proto/common';
import { channelCredentials, invoke, pipelineClient, tlsIdentity } from '@keystead/service';
import { KmsServiceService, type Call, type Result } from '@keystead/proto/kms';
import { account, root, system, type System } from './support/system.js';

let s: System;
beforeAll(async () => {
  s = await system();
});
afterAll(() => s[Symbol.asyncDispose]());

const day = 86_400_000;
const newKey = async (): Promise<string> => (await s.kms('createKey')).keyMetadata?.keyId ?? '';
const arnOf = (id: string): string => `arn:aws:kms:us-east-1:${account}:key/${id}`;
const state = async (keyId: string) => (await s.kms('describeKey', { keyId })).keyMetadata?.keyState;
const encrypt = (keyId: string) => s.kms('encrypt', { keyId, plaintext: Buffer.from('x') });

describe('the life of a key', () => {
  test('disabled keys do nothing until enabled', async () => {
    const keyId = await newKey();
    const { ciphertextBlob } = await encrypt(keyId);
    await s.kms('disableKey', { keyId });
    await expect(encrypt(keyId)).rejects.toMatchObject({ code: 'Disabled', message: `${arnOf(keyId)} is disabled.` });
    await expect(s.kms('decrypt', { ciphertextBlob })).rejects.toMatchObject({ code: 'Disabled' });
    await s.kms('enableKey', { keyId });
    await expect(s.kms('decrypt', { ciphertextBlob })).resolves.toBeDefined();
  });

  test('deletion is scheduled, cancelled, and done when its time comes', async () => {
    const keyId = await newKey();
    const { ciphertextBlob } = await encrypt(keyId);
    await s.kms('createAlias', { aliasName: 'alias/dying', targetKeyId: keyId });
    await expect(s.kms('scheduleKeyDeletion', { keyId, pendingWindowInDays: 6 })).rejects.toMatchObject({
      code: 'Validation',
    });
    const scheduled = await s.kms('scheduleKeyDeletion', { keyId, pendingWindowInDays: 7 });
    expect(scheduled).toMatchObject({ keyId: arnOf(keyId), keyState: 'PendingDeletion', pendingWindowInDays: 7 });
    await expect(encrypt(keyId)).rejects.toMatchObject({
      code: 'KmsInvalidState',
      message: `${arnOf(keyId)} is pending deletion.`,
    });
    await s.kms('cancelKeyDeletion', { keyId });
    expect(await state(keyId)).toBe('Disabled');
    await s.kms('scheduleKeyDeletion', { keyId, pendingWindowInDays: 7 });
    s.setClock(new Date(Date.now() + 8 * day));
    try {
      await expect
        .poll(() => state(keyId).catch((error: unknown) => (error as { code: string }).code), { timeout: 5_000 })
        .toBe('NotFound');
      await expect(s.kms('describeKey', { keyId: 'alias/dying' })).rejects.toMatchObject({ code: 'NotFound' });
      await expect(s.kms('decrypt', { ciphertextBlob })).rejects.toMatchObject({ code: 'InvalidCiphertext' });
      const { rows } = await s.database
        .adminPool('kms-service')
        .query({ text: 'select 1 from key_material where key_id = $1', values: [keyId] });
      expect(rows).toHaveLength(0);
      await expect
        .poll(() => s.records('DeleteKey'))
        .toMatchObject([{ eventType: 'AwsServiceEvent', recipientAccountId: account }]);
    } finally {
      s.setClock(undefined);
    }
  });

  test('lists go on where the marker says', async () => {
    const made = [await newKey(), await newKey(), await newKey()];
    const seen: string[] = [];
    let marker: string | undefined;
    do {
      const page = await s.kms('listKeys', { limit: 2, marker });
      expect(page.keys.length).toBeLessThanOrEqual(2);
      seen.push(...page.keys.map(({ keyId }) => keyId));
      marker = page.nextMarker;
    } while (marker !== undefined);
    expect(seen).toEqual(expect.arrayContaining(made));
    expect(new Set(seen).size).toBe(seen.length);
    await expect(s.kms('listKeys', { marker: 'AAAA' })).rejects.toMatchObject({ code: 'InvalidMarker' });
  });

  test('description, tags and unknown keys', async () => {
    const keyId = await newKey();
    await s.kms('updateKeyDescription', { keyId, description: 'new' });
    expect((await s.kms('describeKey', { keyId })).keyMetadata?.description).toBe('new');
    await s.kms('tagResource', {
      keyId,
      tags: [
        { tagKey: 'b', tagValue: '2' },
        { tagKey: 'a', tagValue: '1' },
      ],
    });
    await s.kms('untagResource', { keyId, tagKeys: ['b'] });
    expect((await s.kms('listResourceTags', { keyId })).tags).toEqual([{ tagKey: 'a', tagValue: '1' }]);
    await expect(s.kms('tagResource', { keyId, tags: [{ tagKey: 'aws:x', tagValue: '' }] })).rejects.toMatchObject({
      code: 'Tag',
    });
    const missing = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
    await expect(s.kms('describeKey', { keyId: missing })).rejects.toMatchObject({
      code: 'NotFound',
      message: `Key '${arnOf(missing)}' does not exist`,
    });
    await expect(s.kms('describeKey', { keyId: 'nonsense' })).rejects.toMatchObject({
      code: 'NotFound',
      message: "Invalid keyId 'nonsense'",
    });
    await expect(s.kms('describeKey', {})).rejects.toMatchObject({
      message:
        "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
    });
  });

  test('a spec that is not offered is said in a sentence', async () => {
    await expect(s.kms('createKey', { keySpec: 'SM2', keyUsage: 'SIGN_VERIFY' })).rejects.toMatchObject({
      code: 'UnsupportedOperation',
    });
    await expect(s.kms('createKey', { keySpec: 'RSA_2048' })).rejects.toMatchObject({ code: 'Validation' });
  });
});

describe('aliases', () => {
  test('an alias moves to another key and code that uses it goes on', async () => {
    const [first, second] = [await newKey(), await newKey()];
    await s.kms('createAlias', { aliasName: 'alias/app', targetKeyId: first });
    await expect(s.kms('createAlias', { aliasName: 'alias/app', targetKeyId: second })).rejects.toMatchObject({
      code: 'AlreadyExists',
    });
    expect((await encrypt('alias/app')).keyId).toBe(arnOf(first));
    await s.kms('updateAlias', { aliasName: 'alias/app', targetKeyId: second });
    expect((await encrypt(`arn:aws:kms:us-east-1:${account}:alias/app`)).keyId).toBe(arnOf(second));
    expect((await s.kms('listAliases', { keyId: second })).aliases).toMatchObject([
      { aliasName: 'alias/app', targetKeyId: second },
    ]);
    await s.kms('deleteAlias', { aliasName: 'alias/app' });
    const message = `Alias arn:aws:kms:us-east-1:${account}:alias/app is not found.`;
    await expect(encrypt('alias/app')).rejects.toMatchObject({ code: 'NotFound', message });
  });

  test('managing operations take no alias, and reserved names cannot be had', async () => {
    const targetKeyId = await newKey();
    await s.kms('createAlias', { aliasName: 'alias/manage', targetKeyId });
    await expect(s.kms('disableKey', { keyId: 'alias/manage' })).rejects.toMatchObject({ code: 'NotFound' });
    await expect(s.kms('createAlias', { aliasName: 'alias/aws/mine', targetKeyId })).rejects.toMatchObject({
      code: 'InvalidAliasName',
    });
    await expect(s.kms('createAlias', { aliasName: 'alias/keystead/x', targetKeyId })).rejects.toMatchObject({
      code: 'InvalidAliasName',
    });
    await expect(s.kms('createAlias', { aliasName: 'alias/a b', targetKeyId })).rejects.toMatchObject({
      message:
        "1 validation error detected: Value 'alias/a b' at 'aliasName' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
    });
  });
});

describe('rotation', () => {
  test('on demand: old ciphertexts decrypt, new ones use the new material', async () => {
    const keyId = await newKey();
    const before = await encrypt(keyId);
    await s.kms('rotateKeyOnDemand', { keyId });
    const old = await s.kms('decrypt', { ciphertextBlob: before.ciphertextBlob });
    const fresh = await s.kms('decrypt', { ciphertextBlob: (await encrypt(keyId)).ciphertextBlob });
    expect(old.keyMaterialId).not.toBe(fresh.keyMaterialId);
    const { rotations } = await s.kms('listKeyRotations', { keyId, includeKeyMaterial: 'ALL_KEY_MATERIAL' });
    expect(rotations).toMatchObject([
      { keyMaterialId: old.keyMaterialId, keyMaterialState: 'NON_CURRENT' },
      { keyMaterialId: fresh.keyMaterialId, keyMaterialState: 'CURRENT', rotationType: 'ON_DEMAND' },
    ]);
    expect((await s.kms('listKeyRotations', { keyId })).rotations).toHaveLength(1);
  });

  test('automatic, when the period is over', async () => {
    const keyId = await newKey();
    await s.kms('enableKeyRotation', { keyId, rotationPeriodInDays: 90 });
    expect(await s.kms('getKeyRotationStatus', { keyId })).toMatchObject({
      keyRotationEnabled: true,
      rotationPeriodInDays: 90,
    });
    s.setClock(new Date(Date.now() + 91 * day));
    try {
      await expect
        .poll(async () => (await s.kms('listKeyRotations', { keyId })).rotations, { timeout: 5_000 })
        .toMatchObject([{ rotationType: 'AUTOMATIC' }]);
    } finally {
      s.setClock(undefined);
    }
    await s.kms('disableKeyRotation', { keyId });
    expect(await s.kms('getKeyRotationStatus', { keyId })).toMatchObject({ keyRotationEnabled: false });
    await expect.poll(() => s.records('RotateKey')).not.toHaveLength(0);
  });
});

describe('records and replicas', () => {
  test('every change has its record, denials and errors too', async () => {
    const keyId = await newKey();
    await s.kms('disableKey', { keyId });
    await encrypt(keyId).catch(() => undefined);
    await expect
      .poll(() => s.records('DisableKey').then((all) => all.at(-1)))
      .toMatchObject({
        ...{ readOnly: false, requestParameters: { keyId }, responseElements: { keyId: arnOf(keyId) } },
        userIdentity: { type: 'Root', arn: root.principal?.arn },
      });
    expect((await s.records('Encrypt')).at(-1)).toMatchObject({
      errorCode: 'DisabledException',
      responseElements: null,
    });
    await expect
      .poll(() => s.records('CreateKey').then((all) => all.at(-1)))
      .toMatchObject({ responseElements: { keyMetadata: { keyId } } });
  });

  test('no record, no answer', async () => {
    const keyId = await newKey();
    await s.audit.stop();
    try {
      await expect(encrypt(keyId)).rejects.toMatchObject({ code: 'KmsInternal' });
    } finally {
      await s.audit.start();
    }
    await expect
      .poll(
        () =>
          encrypt(keyId).then(
            () => true,
            () => false,
          ),
        { timeout: 5_000 },
      )
      .toBe(true);
  });

  test('another replica obeys a change as soon as it is acknowledged', async () => {
    const other = await s.anotherKms();
    const tls = tlsIdentity(await s.pki.dir('edge'));
    const stream = pipelineClient<NonNullable<Call['operation']>, NonNullable<Result['outcome']>>({
      ...{ method: KmsServiceService.pipeline, address: other.address, tls, expected: 'kms-service' },
    });
    const keyId = await newKey();
    const request = { keyId, plaintext: Buffer.from('x'), encryptionContext: {}, grantTokens: [] };
    const there = () => stream.request('encrypt', request, { context: root });
    for (let round = 0; round < 3; round++) {
      await expect(there()).resolves.toBeDefined();
      await s.kms('disableKey', { keyId });
      await expect(there()).rejects.toMatchObject({ code: 'Disabled' });
      await s.kms('enableKey', { keyId });
    }
    stream.close();
    tls.close();
  });

  test("reset forgets users' keys and keeps those of the services", async () => {
    const keyId = await newKey();
    const tls = tlsIdentity(await s.pki.dir('edge'));
    const client = new TestingServiceClient(s.kmsAddress, channelCredentials(tls, 'kms-service'));
    await invoke(client.reset.bind(client), {});
    client.close();
    tls.close();
    expect((await s.kms('listKeys')).keys).toEqual([]);
    await expect(s.kms('describeKey', { keyId })).rejects.toMatchObject({ code: 'NotFound' });
    const context = {
      ...root,
      principal: { type: 4 as const, arn: 'iam.keystead.internal', uniqueId: '', account: '', userName: '' },
    };
    const request = {
      keyId: 'alias/keystead/iam',
      plaintext: Buffer.from('x'),
      encryptionContext: {},
      grantTokens: [],
    };
    await expect(s.through('iam-service').request('encrypt', request, { context })).resolves.toBeDefined();
  });
});
