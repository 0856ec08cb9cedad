import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CallContext } from '@keystead/proto/common';
import { KmsServiceClient } from '@keystead/proto/kms';
import { channelCredentials, invoke, spiffeId, tlsIdentity } from '@keystead/service';
import { account, root, system, type System } from './support/system.js';

let s: System;
let keyId: string;
let arn: string;
let admin: CallContext;
let user: CallContext;
let nobody: CallContext;

const statement = (Action: string | string[], more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource: '*',
  ...more,
});
const policy = (...Statement: object[]) => ({ Version: '2012-10-17', Statement });
const plaintext = Buffer.from('x');

beforeAll(async () => {
  s = await system();
  admin = await s.user('key-admin');
  user = await s.user('key-user');
  nobody = await s.user('nobody');
  const keyPolicy = policy(
    statement(
      [
        'kms:Create*',
        'kms:Describe*',
        'kms:Enable*',
        'kms:Disable*',
        'kms:Get*',
        'kms:Put*',
        'kms:ScheduleKeyDeletion',
      ],
      {
        Principal: { AWS: admin.principal?.arn },
      },
    ),
    statement(['kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey'], {
      Principal: { AWS: user.principal?.arn },
      Condition: { StringEquals: { 'kms:EncryptionContext:team': 'blue' } },
    }),
  );
  const request = { policy: JSON.stringify(keyPolicy), bypassPolicyLockoutSafetyCheck: true };
  const made = await s.kms('createKey', request);
  keyId = made.keyMetadata?.keyId ?? '';
  arn = made.keyMetadata?.arn ?? '';
});
afterAll(() => s[Symbol.asyncDispose]());

describe('key policy', () => {
  test('the administrator cannot encrypt, the user cannot administer', async () => {
    await expect(s.kms('encrypt', { keyId, plaintext }, admin)).rejects.toMatchObject({
      code: 'AccessDenied',
      message: `User: ${admin.principal?.arn} is not authorized to perform: kms:Encrypt on resource: ${arn} because no resource-based policy allows the kms:Encrypt action`,
    });
    await expect(s.kms('disableKey', { keyId }, user)).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(s.kms('describeKey', { keyId }, admin)).resolves.toBeDefined();
  });

  test('conditions on the encryption context decide', async () => {
    const right = { team: 'blue', other: '1' };
    const { ciphertextBlob } = await s.kms('encrypt', { keyId, plaintext, encryptionContext: right }, user);
    await expect(s.kms('decrypt', { ciphertextBlob, encryptionContext: right }, user)).resolves.toBeDefined();
    await expect(
      s.kms('encrypt', { keyId, plaintext, encryptionContext: { team: 'red' } }, user),
    ).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(s.kms('encrypt', { keyId, plaintext }, user)).rejects.toMatchObject({ code: 'AccessDenied' });
  });

  test('even root needs the key policy', async () => {
    await expect(s.kms('encrypt', { keyId, plaintext })).rejects.toMatchObject({ code: 'AccessDenied' });
  });

  test('authorization comes before state', async () => {
    await s.kms('disableKey', { keyId }, admin);
    await expect(s.kms('encrypt', { keyId, plaintext }, nobody)).rejects.toMatchObject({ code: 'AccessDenied' });
    await s.kms('enableKey', { keyId }, admin);
  });

  test('denials are recorded', async () => {
    await s.kms('encrypt', { keyId, plaintext }, nobody).catch(() => undefined);
    expect((await s.records('Encrypt')).at(-1)).toMatchObject({
      errorCode: 'AccessDenied',
      userIdentity: { type: 'IAMUser', userName: 'nobody' },
    });
  });

  test('a policy that locks out, names nobody, or cannot be evaluated is refused', async () => {
    const put = (document: object) => s.kms('putKeyPolicy', { keyId, policy: JSON.stringify(document) }, admin);
    const malformed = (message: RegExp) => ({
      code: 'MalformedPolicyDocument',
      message: expect.stringMatching(message) as string,
    });
    await expect(
      put(policy(statement('kms:Encrypt', { Principal: { AWS: user.principal?.arn } }))),
    ).rejects.toMatchObject(malformed(/will not allow you to update/));
    await expect(
      put(policy(statement('kms:*', { Principal: { AWS: `arn:aws:iam::${account}:user/ghost` } }))),
    ).rejects.toMatchObject(malformed(/invalid principals/));
    await expect(
      put(policy(statement('kms:*', { Principal: '*', Condition: { Strange: { 'aws:x': '1' } } }))),
    ).rejects.toMatchObject({ code: 'MalformedPolicyDocument' });
    await expect(s.kms('putKeyPolicy', { keyId, policy: '{' }, admin)).rejects.toMatchObject({
      code: 'MalformedPolicyDocument',
    });
  });
});

describe('the lockout check', () => {
  const whole = { Effect: 'Allow', Action: 'kms:*', Resource: '*' };
  const delegation = policy({ ...whole, Principal: { AWS: `arn:aws:iam::${account}:root` } });
  const lockout = 'The new key policy will not allow you to update the key policy in the future.';
  const create = (document: object, as: CallContext, bypassPolicyLockoutSafetyCheck = false) =>
    s.kms('createKey', { policy: JSON.stringify(document), bypassPolicyLockoutSafetyCheck }, as);

  test('asks what the caller could do, delegation or not', async () => {
    const maker = await s.user('maker', policy(statement('kms:CreateKey')));
    await expect(create(delegation, maker)).rejects.toMatchObject({
      code: 'MalformedPolicyDocument',
      message: lockout,
    });
    await expect(create(delegation, maker, true)).resolves.toBeDefined();
    await expect(s.kms('createKey', {}, maker)).resolves.toBeDefined();
    const named = policy({ ...whole, Principal: { AWS: maker.principal?.arn } });
    await expect(create(named, maker)).resolves.toBeDefined();
    const trusted = await s.user('trusted', policy(statement(['kms:CreateKey', 'kms:PutKeyPolicy'])));
    await expect(create(delegation, trusted)).resolves.toBeDefined();
    const barred = policy(statement('kms:*'), { ...statement('kms:PutKeyPolicy'), Effect: 'Deny' });
    await expect(create(delegation, await s.user('barred', barred))).rejects.toMatchObject({ message: lockout });
  });

  test("other refusals are in AWS's words", async () => {
    const unnamed = policy(whole);
    await expect(create(unnamed, root)).rejects.toMatchObject({
      ...{ code: 'MalformedPolicyDocument', message: 'Policy contains a statement with no principal.' },
    });
    const wrong = policy({ ...whole, Principal: { AWS: 'somebody' } });
    await expect(create(wrong, root)).rejects.toMatchObject({
      message: 'Policy contains a statement with one or more invalid principals.',
    });
    const long = (bytes: number) => JSON.stringify(delegation).padEnd(bytes);
    await expect(s.kms('createKey', { policy: long(32_768) })).resolves.toBeDefined();
    await expect(s.kms('createKey', { policy: long(32_769) })).rejects.toMatchObject({ code: 'LimitExceeded' });
    await expect(s.kms('createKey', { policy: `${long(32_767)}é` })).rejects.toMatchObject({ code: 'LimitExceeded' });
  });

  test('a statement without Action or Resource is taken and has no effect', async () => {
    const empty = { Effect: 'Allow', Action: 'kms:*', Principal: { AWS: user.principal?.arn } };
    const document = policy(...delegation.Statement, empty);
    const made = await create(document, root);
    const refused = s.kms('encrypt', { keyId: made.keyMetadata?.keyId ?? '', plaintext }, user);
    await expect(refused).rejects.toMatchObject({ code: 'AccessDenied' });
  });
});

describe('identity policies', () => {
  test('help where the key policy delegates to the account', async () => {
    const delegated = (await s.kms('createKey')).keyMetadata?.arn ?? '';
    const granted = await s.user('granted', policy(statement('kms:GenerateDataKey', { Resource: delegated })));
    await expect(s.kms('generateDataKey', { keyId: delegated, keySpec: 'AES_256' }, granted)).resolves.toBeDefined();
    await expect(s.kms('encrypt', { keyId: delegated, plaintext }, granted)).rejects.toMatchObject({
      message: `User: ${granted.principal?.arn} is not authorized to perform: kms:Encrypt on resource: ${delegated} because no identity-based policy allows the kms:Encrypt action`,
    });
    await expect(s.kms('generateDataKey', { keyId, keySpec: 'AES_256' }, granted)).rejects.toMatchObject({
      code: 'AccessDenied',
    });
  });

  test('a change of policy is obeyed at once', async () => {
    const delegated = (await s.kms('createKey')).keyMetadata?.arn ?? '';
    const some = await s.user('fickle', policy(statement('kms:Encrypt')));
    await expect(s.kms('encrypt', { keyId: delegated, plaintext }, some)).resolves.toBeDefined();
    const deny = JSON.stringify(policy({ ...statement('kms:Encrypt'), Effect: 'Deny' }));
    await s.iam.request(
      'putUserPolicy',
      { userName: 'fickle', policyName: 'own', policyDocument: deny },
      { context: root },
    );
    await expect(s.kms('encrypt', { keyId: delegated, plaintext }, some)).rejects.toMatchObject({
      message: expect.stringContaining('with an explicit deny in an identity-based policy') as string,
    });
  });

  test('an alias needs permission on both sides', async () => {
    const target = (await s.kms('createKey')).keyMetadata?.arn ?? '';
    const half = await s.user('half', policy(statement('kms:CreateAlias', { Resource: target })));
    await expect(s.kms('createAlias', { aliasName: 'alias/half', targetKeyId: target }, half)).rejects.toMatchObject({
      code: 'AccessDenied',
    });
  });

  test('a user of the same name who came later gets nothing from an old key policy', async () => {
    const first = await s.user('phoenix');
    const document = policy(
      statement('kms:*', { Principal: { AWS: `arn:aws:iam::${account}:root` } }),
      statement('kms:Encrypt', { Principal: { AWS: first.principal?.arn } }),
    );
    const key = (await s.kms('createKey', { policy: JSON.stringify(document) })).keyMetadata?.keyId ?? '';
    await expect(s.kms('encrypt', { keyId: key, plaintext }, first)).resolves.toBeDefined();
    await s.iam.request('deleteUser', { userName: 'phoenix' }, { context: root });
    await expect(s.kms('encrypt', { keyId: key, plaintext }, first)).rejects.toMatchObject({ code: 'AccessDenied' });
    const shown = async () => (await s.kms('getKeyPolicy', { keyId: key })).policy;
    const { arn = '', uniqueId = '' } = first.principal ?? {};
    expect(await shown()).toContain(`"${uniqueId}"`);
    const second = await s.user('phoenix');
    await expect(s.kms('encrypt', { keyId: key, plaintext }, second)).rejects.toMatchObject({ code: 'AccessDenied' });
    expect(await shown()).not.toContain(arn);
    await expect(s.kms('putKeyPolicy', { keyId: key, policy: await shown() })).rejects.toMatchObject({
      message: 'Policy contains a statement with one or more invalid principals.',
    });
  });
});

describe('who may say who calls', () => {
  test('AWS managed key of S3: made on first use, only through S3', async () => {
    const through = { ...root, viaService: 's3' };
    const arn = `arn:aws:kms:us-east-1:${account}:alias/aws/s3`;
    const ours = await s.kms('createKey', {});
    for (const aliasName of ['alias/a', 'alias/z'])
      await s.kms('createAlias', { aliasName, targetKeyId: ours.keyMetadata?.keyId ?? '' });
    const listed = async () => {
      const aliases = [];
      for (let marker: string | undefined, more = true; more; more = marker !== undefined) {
        const page = await s.kms('listAliases', { limit: 1, marker });
        aliases.push(...page.aliases);
        marker = page.nextMarker;
      }
      const names = aliases.map(({ aliasName }) => aliasName);
      expect(names.filter((name) => /^alias\/(a|aws\/s3|z)$/.test(name))).toEqual([
        'alias/a',
        'alias/aws/s3',
        'alias/z',
      ]);
      return aliases.filter(({ aliasName }) => aliasName === 'alias/aws/s3');
    };
    expect(await listed()).toEqual([{ aliasName: 'alias/aws/s3', aliasArn: arn }]);
    const made = await s.kms('generateDataKey', { keyId: 'alias/aws/s3', keySpec: 'AES_256' }, through);
    await expect(s.kms('decrypt', { ciphertextBlob: made.ciphertextBlob }, through)).resolves.toBeDefined();
    await expect(s.kms('decrypt', { ciphertextBlob: made.ciphertextBlob })).rejects.toMatchObject({
      code: 'AccessDenied',
    });
    expect((await s.kms('describeKey', { keyId: 'alias/aws/s3' })).keyMetadata).toMatchObject({ keyManager: 'AWS' });
    const [keyId] = made.keyId.split('/').slice(-1);
    expect(await listed()).toMatchObject([{ aliasArn: arn, targetKeyId: keyId }]);
    for (const operation of ['disableKey', 'scheduleKeyDeletion', 'disableKeyRotation'] as const)
      await expect(s.kms(operation, { keyId: made.keyId })).rejects.toMatchObject({ code: 'AccessDenied' });
  });

  test('service principals use their own key and nothing else, and are seen by nobody', async () => {
    const service = (name: string) => ({
      ...root,
      principal: { type: 4 as const, arn: name, uniqueId: '', account: '', userName: '' },
    });
    const request = { plaintext, encryptionContext: {}, grantTokens: [] };
    const gateway = s.through('object-store-gateway');
    const own = { ...request, keyId: 'alias/keystead/s3' };
    const sealed = await gateway.request('encrypt', own, { context: service('s3.keystead.internal') });
    await expect(
      gateway.request('encrypt', { ...own, keyId: 'alias/keystead/iam' }, { context: service('s3.keystead.internal') }),
    ).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(gateway.request('encrypt', own, { context: service('iam.keystead.internal') })).rejects.toMatchObject({
      code: 'AccessDenied',
    });
    await expect(
      s.through('edge').request('encrypt', own, { context: service('s3.keystead.internal') }),
    ).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(s.kms('decrypt', { ciphertextBlob: sealed.ciphertextBlob })).rejects.toMatchObject({
      code: 'AccessDenied',
    });
    await expect(s.kms('describeKey', { keyId: sealed.keyId })).rejects.toMatchObject({ code: 'AccessDenied' });
  });

  test('edge may not say via S3, others may not say anything', async () => {
    const request = { limit: 1 };
    await expect(
      s.through('edge').request('listKeys', request, { context: { ...root, viaService: 's3' } }),
    ).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(s.through('bench').request('listKeys', request, { context: root })).rejects.toMatchObject({
      code: 'AccessDenied',
    });
    await expect(s.through('edge').request('listKeys', request)).rejects.toMatchObject({ code: 'AccessDenied' });
  });

  test('a direct client is whom its certificate names', async () => {
    const { arn: userArn = '', uniqueId = '' } = user.principal ?? {};
    const dir = await s.pki.dirFor(spiffeId(s.pki.trustDomain, { kind: 'principal', arn: userArn, uniqueId }));
    const tls = tlsIdentity(dir);
    const client = new KmsServiceClient(s.kmsAddress, channelCredentials(tls, 'kms-service'));
    const request = { keyId, plaintext, encryptionContext: { team: 'blue' }, grantTokens: [] };
    await expect(invoke(client.encrypt.bind(client), request)).resolves.toMatchObject({ keyId: arn });
    await expect(invoke(client.disableKey.bind(client), { keyId })).rejects.toMatchObject({ code: 'AccessDenied' });
    expect((await s.records('Encrypt')).at(-1)).toMatchObject({
      userIdentity: { type: 'IAMUser', userName: 'key-user' },
    });
    client.close();
    tls.close();
  });

  test('a key of another account is refused, there or not', async () => {
    const foreign = 'arn:aws:kms:us-east-1:111122223333:key/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
    await expect(s.kms('encrypt', { keyId: foreign, plaintext })).rejects.toMatchObject({ code: 'AccessDenied' });
    await expect(
      s.kms('encrypt', { keyId: 'arn:aws:kms:eu-west-1:000000000000:key/x', plaintext }),
    ).rejects.toMatchObject({ message: 'Invalid arn eu-west-1' });
  });
});
