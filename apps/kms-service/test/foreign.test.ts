import { PrincipalType } from '@keystead/proto/common';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
