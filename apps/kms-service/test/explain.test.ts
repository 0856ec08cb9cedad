import type { CallContext } from '@keystead/proto/common';
import { KmsAdminServiceClient, type ExplainRequest } from '@keystead/proto/kms';
import { channelCredentials, channelOptions, invoke, spiffeId, tlsIdentity } from '@keystead/service';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { account, system, type System } from './support/system.js';

let s: System;
let admin: KmsAdminServiceClient;
let close: () => void;
let keyId: string;
let keyArn: string;
let bobs: CallContext;
const alice = `arn:aws:iam::${account}:user/alice`;
const bob = `arn:aws:iam::${account}:user/bob`;

const statement = (Effect: string, Action: string | string[], more: object = {}) => ({
  Effect,
  Action,
  Resource: '*',
  ...more,
});
const policy = (...Statement: object[]) => ({ Version: '2012-10-17', Statement });
const explain = (request: Partial<ExplainRequest>) =>
  invoke(admin.explain.bind(admin), {
    principal: alice,
    action: 'kms:Encrypt',
    resource: keyId,
    context: [],
    ...request,
  });

async function clientOf(folder: string): Promise<{ client: KmsAdminServiceClient; close: () => void }> {
  const tls = tlsIdentity(folder);
  const client = new KmsAdminServiceClient(s.kmsAddress, channelCredentials(tls, 'kms-service'), channelOptions);
  return {
    client,
    close: () => {
      client.close();
      tls.close();
    },
  };
}

beforeAll(async () => {
  s = await system();
  ({ client: admin, close } = await clientOf(
    await s.pki.dirFor(spiffeId(s.pki.trustDomain, { kind: 'operator', name: 'cli' })),
  ));
  await s.user('alice', policy(statement('Allow', 'kms:Encrypt'), statement('Deny', 'kms:Decrypt', { Sid: 'never' })));
  bobs = await s.user('bob');
  const team = { StringEquals: { 'kms:EncryptionContext:team': 'blue' } };
  const keyPolicy = policy(
    statement('Allow', 'kms:*', { Principal: { AWS: `arn:aws:iam::${account}:root` }, Sid: 'account' }),
    statement('Allow', 'kms:GenerateDataKey', { Principal: { AWS: bob }, Condition: team }),
  );
  const { keyMetadata } = await s.kms('createKey', { policy: JSON.stringify(keyPolicy) });
  ({ keyId, arn: keyArn } = keyMetadata ?? { keyId: '', arn: '' });
  await s.kms('createAlias', { aliasName: 'alias/explained', targetKeyId: keyId });
});
afterAll(async () => {
  close();
  await s[Symbol.asyncDispose]();
});

describe('an explanation', () => {
  test('shows how the key policy delegates and an identity policy allows', async () => {
    const found = await explain({ resource: 'alias/explained' });
    expect(found).toMatchObject({
      decision: 'Allow',
      decidedBy: 'identity',
      statement: 0,
      message: '',
      resource: keyArn,
    });
    const [key, own] = found.policies;
    expect(key).toMatchObject({ type: 'resource', name: 'key policy', outcome: 'Allow' });
    expect(key?.statements).toMatchObject([
      { sid: 'account', effect: 'Allow', action: true, principal: 'account', applies: true },
      { action: false, principal: 'none', applies: false },
    ]);
    expect(own).toMatchObject({
      type: 'identity',
      outcome: 'Allow',
      statements: [{ applies: true }, { applies: false }],
    });
  });

  test('of a refusal names the statement, and has the very sentence that the caller is told', async () => {
    const denied = await explain({ action: 'kms:Decrypt' });
    expect(denied).toMatchObject({ decision: 'ExplicitDeny', decidedBy: 'identity', statement: 1 });
    const missing = await explain({ principal: bob });
    const told = s.kms('encrypt', { keyId, plaintext: Buffer.from('x') }, bobs);
    expect(missing).toMatchObject({ decision: 'ImplicitDeny', decidedBy: 'identity' });
    await expect(told).rejects.toMatchObject({ code: 'AccessDenied', message: missing.message });
  });

  test('tells which condition did not hold, and which keys were not given', async () => {
    const asked = { principal: bob, action: 'kms:GenerateDataKey' };
    const without = await explain(asked);
    expect(without).toMatchObject({ decision: 'ImplicitDeny', missingContextKeys: ['kms:EncryptionContext:team'] });
    expect(without.policies[0]?.statements[1]?.conditions).toMatchObject([
      { operator: 'StringEquals', wanted: ['blue'], found: [], present: false, matched: false },
    ]);
    const key = 'kms:EncryptionContext:team';
    const wrong = await explain({ ...asked, context: [{ key, values: ['red'] }] });
    expect(wrong.policies[0]?.statements[1]?.conditions).toMatchObject([{ found: ['red'], matched: false }]);
    const right = await explain({ ...asked, context: [{ key, values: ['blue'] }] });
    expect(right).toMatchObject({ decision: 'Allow', decidedBy: 'resource', policy: 'key policy', statement: 1 });
  });

  test('shows the grants that name the principal', async () => {
    const asked = { principal: bob, action: 'kms:Decrypt' };
    const { grantId } = await s.kms('createGrant', {
      ...{ keyId, granteePrincipal: bob, operations: ['Decrypt'], grantTokens: [] },
      constraints: {
        encryptionContextSubset: { pairs: { app: 'a' } },
        encryptionContextEquals: undefined,
        sourceArn: undefined,
      },
    });
    const key = 'kms:EncryptionContext:app';
    expect(await explain(asked)).toMatchObject({
      decision: 'ImplicitDeny',
      grants: [{ grantId, covers: false, named: 'self' }],
    });
    expect(await explain({ ...asked, context: [{ key, values: ['a'] }] })).toMatchObject({
      ...{ decision: 'Allow', decidedBy: 'grant', policy: '', message: '' },
      grants: [{ grantId, covers: true, allows: true }],
    });
    // A Deny outweighs every grant.
    await s.kms('createGrant', { keyId, granteePrincipal: alice, operations: ['Decrypt'], grantTokens: [] });
    expect(await explain({ action: 'kms:Decrypt' })).toMatchObject({
      decision: 'ExplicitDeny',
      grants: [{ covers: true }],
    });
  });

  test('knows the root user, other accounts’ limits, and the state of the key', async () => {
    const rootUser = await explain({ principal: `arn:aws:iam::${account}:root`, action: 'kms:PutKeyPolicy' });
    expect(rootUser).toMatchObject({ decision: 'Allow', decidedBy: 'resource' });
    expect(await explain({ resource: '*', action: 'kms:ListKeys' })).toMatchObject({
      decision: 'ImplicitDeny',
      resource: '*',
      grants: [],
    });
    await s.kms('disableKey', { keyId });
    expect((await explain({})).notes).toEqual([
      'The key is in state Disabled: an allowed call may still fail because of it.',
    ]);
    await s.kms('enableKey', { keyId });
  });

  test.each([
    [{ principal: `arn:aws:iam::${account}:user/nobody` }, 'NoSuchEntity'],
    [{ principal: 'alice' }, 'Validation'],
    [{ action: 'kms:Everything' }, 'Validation'],
    [{ action: 'kms:ReEncrypt' }, 'Validation'],
    [{ action: 's3:GetObject' }, 'Validation'],
    [{ resource: 'alias/nothing' }, 'NotFound'],
    [{ resource: '1234abcd-12ab-34cd-56ef-1234567890ab' }, 'NotFound'],
    [{ resource: 'arn:aws:kms:us-east-1:999999999999:alias/keystead/iam' }, 'NotFound'],
    [{ context: Array.from({ length: 101 }, (_, i) => ({ key: `aws:k${i}`, values: ['x'] })) }, 'Validation'],
  ])('that cannot be given fails: %j', async (request, code) => {
    await expect(explain(request)).rejects.toMatchObject({ code });
  });

  test('knows how long the key has not been used', async () => {
    const key = (await s.kms('createKey')).keyMetadata?.keyId ?? '';
    const Condition = { NumericLessThan: { 'kms:TrailingDaysWithoutKeyUsage': '30' } };
    const Statement = [
      { Effect: 'Allow', Principal: { AWS: account }, Action: 'kms:*', Resource: '*' },
      { Effect: 'Deny', Principal: '*', Action: 'kms:DisableKey', Resource: '*', Condition },
    ];
    await s.kms('putKeyPolicy', { keyId: key, policy: JSON.stringify({ Version: '2012-10-17', Statement }) });
    const denied = await explain({
      principal: `arn:aws:iam::${account}:root`,
      action: 'kms:DisableKey',
      resource: key,
    });
    expect(denied).toMatchObject({ decision: 'ExplicitDeny', missingContextKeys: [] });
    expect(denied.policies[0]?.statements[1]?.conditions).toMatchObject([{ found: ['0'], matched: true }]);
  });

  test('is for operators alone', async () => {
    for (const folder of [
      await s.pki.dir('edge'),
      await s.pki.dirFor(
        spiffeId(s.pki.trustDomain, { kind: 'principal', uniqueId: account, arn: `arn:aws:iam::${account}:root` }),
      ),
    ]) {
      const stranger = await clientOf(folder);
      const request = { principal: alice, action: 'kms:Encrypt', resource: keyId, context: [] };
      await expect(invoke(stranger.client.explain.bind(stranger.client), request)).rejects.toMatchObject({
        code: 'AccessDenied',
      });
      stranger.close();
    }
  });
});
