import { PrincipalType, type CallContext } from '@keystead/proto/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { account, contextOf, root, system, type System } from './support/system.js';

const stranger = '111122223333';
const arn = `arn:aws:iam::${stranger}:root`;
const other = contextOf({
  ...{ type: PrincipalType.PRINCIPAL_TYPE_ROOT, arn, uniqueId: stranger, account: stranger, userName: '' },
});
const plaintext = Buffer.from('x');
const alias = (name: string, owner = account) => `arn:aws:kms:us-east-1:${owner}:alias/${name}`;
let s: System;
let keyId: string;
let keyArn: string;

beforeAll(async () => {
  s = await system();
  const text = 'insert into account (id, created_at) values ($1, now())';
  await s.database.adminPool('iam-service').query({ text, values: [stranger] });
  const made = await s.kms('createKey');
  keyId = made.keyMetadata?.keyId ?? '';
  keyArn = made.keyMetadata?.arn ?? '';
  await s.kms('createAlias', { aliasName: 'alias/there', targetKeyId: keyId });
});
afterAll(() => s[Symbol.asyncDispose]());

const refusal = (keyName: string) =>
  s.kms('describeKey', { keyId: keyName }, other).then(
    () => 'allowed',
    (error: unknown) => String(error).replaceAll(keyName, 'NAME'),
  );

test('a stranger cannot tell an alias or key that is there from one that is not', async () => {
  expect(await refusal(alias('there'))).toBe(await refusal(alias('absent')));
  expect(await refusal(alias('keystead/s3', '999999999999'))).toBe(await refusal(alias('absent', '999999999999')));
  expect(await refusal(keyArn)).toBe(await refusal(keyArn.replace(keyId, 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee')));
  expect(await refusal(alias('there'))).not.toContain(keyId);
});

test("nor from the stranger's own record of the refusal", async () => {
  await refusal(alias('there'));
  const record = (await s.records('DescribeKey')).at(-1);
  expect(record).toMatchObject({ recipientAccountId: stranger, errorCode: 'AccessDenied' });
  expect(JSON.stringify(record)).not.toContain(keyId);
});

test("a refused destination leaves nothing in its owner's log", async () => {
  const own = await s.kms('createKey', {}, other);
  const { ciphertextBlob } = await s.kms('encrypt', { keyId: own.keyMetadata?.keyId ?? '', plaintext }, other);
  const request = { ciphertextBlob, destinationKeyId: keyArn };
  await expect(s.kms('reEncrypt', request, other)).rejects.toMatchObject({ code: 'AccessDenied' });
  const recipients = (await s.records('ReEncrypt')).map(({ recipientAccountId }) => recipientAccountId);
  expect(recipients).toEqual([stranger]);
});

test('what is allowed is in both logs', async () => {
  const allow = (Principal: object) => ({ Effect: 'Allow', Principal, Action: 'kms:*', Resource: '*' });
  const Statement = [allow({ AWS: root.principal?.arn }), allow({ AWS: arn })];
  await s.kms('putKeyPolicy', { keyId, policy: JSON.stringify({ Version: '2012-10-17', Statement }) });
  await s.kms('encrypt', { keyId: alias('there'), plaintext }, other);
  const records = (await s.records('Encrypt')).slice(-2);
  expect(records.map(({ recipientAccountId }) => recipientAccountId).sort()).toEqual([account, stranger]);
  expect(records).toMatchObject([{ resources: [{ ARN: keyArn }] }, { resources: [{ ARN: keyArn }] }]);
});

describe('grants', () => {
  const denied = { code: 'AccessDenied' };
  const rootOf = (owner: string) => `arn:aws:iam::${owner}:root`;

  beforeAll(async () => {
    const made = await s.kms('createKey');
    keyId = made.keyMetadata?.keyId ?? '';
    keyArn = made.keyMetadata?.arn ?? '';
  });

  const grantTo = (granteePrincipal: string, operations: string[], more: object = {}, as: Partial<CallContext> = {}) =>
    s.kms('createGrant', { keyId: keyArn, granteePrincipal, operations, ...more }, as);
  const encrypt = (as: CallContext, key = keyArn) => s.kms('encrypt', { keyId: key, plaintext }, as);
  const retire = (grantId: string, as: Partial<CallContext> = {}) =>
    s.kms('retireGrant', { keyId: keyArn, grantId }, as);

  test('a grant lets another account use the key by its ARN, and it is in both logs', async () => {
    await expect(encrypt(other)).rejects.toMatchObject(denied);
    const { grantId } = await grantTo(rootOf(stranger), ['Encrypt']);
    await expect(encrypt(other)).resolves.toMatchObject({ keyId: keyArn });
    await expect(encrypt(other, keyId)).rejects.toMatchObject({ code: 'NotFound' });
    const recipients = (await s.records('Encrypt')).slice(-3).map((one) => one['recipientAccountId']);
    expect(recipients).toEqual(expect.arrayContaining([account, stranger]));
    await s.kms('revokeGrant', { keyId, grantId });
    await expect(encrypt(other)).rejects.toMatchObject(denied);
  });

  test('a stranger learns nothing from grants that are there', async () => {
    const { grantId, grantToken } = await grantTo(rootOf(account), ['Encrypt']);
    const absent = '0'.repeat(64);
    const refusal = (id: string) => retire(id, other).catch(String);
    expect(await refusal(grantId)).toBe(await refusal(absent));
    await expect(s.kms('retireGrant', { grantToken }, other)).rejects.toMatchObject(denied);
    for (const id of [grantId, absent])
      await expect(s.kms('revokeGrant', { keyId: keyArn, grantId: id }, other)).rejects.toMatchObject(denied);
    await expect(s.kms('listGrants', { keyId: keyArn }, other)).rejects.toMatchObject(denied);
    await expect(grantTo(rootOf(stranger), ['Encrypt'], {}, other)).rejects.toMatchObject(denied);
    await retire(grantId);
    await expect(retire(grantId)).rejects.toMatchObject({ code: 'NotFound' });
  });

  test('a retiring account retires, also by its own users, and finds its grants', async () => {
    const made = await grantTo(rootOf(account), ['Encrypt'], { retiringPrincipal: rootOf(stranger) });
    const list = { retiringPrincipal: rootOf(stranger) };
    const { grants } = await s.kms('listRetirableGrants', list, other);
    expect(grants.map((one) => [one.grantId, one.keyId])).toEqual([[made.grantId, keyArn]]);
    await expect(s.kms('listRetirableGrants', list)).rejects.toMatchObject(denied);
    await retire(made.grantId, other);
    expect((await s.kms('listRetirableGrants', list, other)).grants).toEqual([]);
    await expect
      .poll(() => s.records('RetireGrant'), { timeout: 30_000 })
      .toContainEqual(expect.objectContaining({ additionalEventData: { grantId: made.grantId } }));
  });

  test('whom a key policy lets may make, list and revoke grants from another account', async () => {
    const allow = (AWS: string) => ({ Effect: 'Allow', Principal: { AWS }, Action: 'kms:*', Resource: '*' });
    const Statement = [allow(rootOf(account)), allow(rootOf(stranger))];
    await s.kms('putKeyPolicy', { keyId, policy: JSON.stringify({ Version: '2012-10-17', Statement }) });
    const { grantId } = await grantTo(rootOf(stranger), ['Encrypt'], {}, other);
    const { grants } = await s.kms('listGrants', { keyId: keyArn, grantId }, other);
    expect(grants[0]?.issuingAccount).toBe(rootOf(stranger));
    await s.kms('revokeGrant', { keyId: keyArn, grantId }, other);
    for (const operation of ['disableKey', 'getKeyPolicy', 'listResourceTags', 'scheduleKeyDeletion'] as const)
      await expect(s.kms(operation, { keyId: keyArn }, other)).rejects.toMatchObject(denied);
  });

  test('a user of the same name who came later gets nothing from an old grant', async () => {
    const first = await s.user('phoenix');
    await grantTo(first.principal?.arn ?? '', ['Encrypt'], { retiringPrincipal: first.principal?.arn });
    await expect(encrypt(first)).resolves.toBeDefined();
    await s.iam.request('deleteUser', { userName: 'phoenix' }, { context: root });
    const second = await s.user('phoenix');
    await expect(encrypt(second)).rejects.toMatchObject(denied);
    const { grants } = await s.kms('listRetirableGrants', { retiringPrincipal: second.principal?.arn });
    expect(grants).toEqual([]);
  });

  test('a deleted key takes its grants along', async () => {
    const { keyMetadata } = await s.kms('createKey');
    const id = keyMetadata?.keyId ?? '';
    const retiringPrincipal = rootOf(account);
    await s.kms('createGrant', {
      keyId: id,
      granteePrincipal: rootOf(stranger),
      operations: ['Encrypt'],
      retiringPrincipal,
    });
    await s.kms('scheduleKeyDeletion', { keyId: id, pendingWindowInDays: 7 });
    s.setClock(new Date(Date.now() + 8 * 86_400_000));
    await expect
      .poll(
        () =>
          s.kms('describeKey', { keyId: id }).then(
            () => 'there',
            () => 'gone',
          ),
        { timeout: 10_000 },
      )
      .toBe('gone');
    s.setClock(undefined);
    const { grants } = await s.kms('listRetirableGrants', { retiringPrincipal });
    expect(grants.filter((one) => one.keyId.endsWith(id))).toEqual([]);
  });

  test('kms-service itself may not delete material that was ever current', async () => {
    const text = 'delete from key_material where key_id = $1';
    const { rowCount } = await s.database.pool('kms-service').query({ text, values: [keyId] });
    expect(rowCount).toBe(0);
  });
});
