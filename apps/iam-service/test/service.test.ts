import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrincipalType, TestingServiceClient, type CallContext } from '@keystead/proto/common';
import { IamServiceClient, IamServiceService } from '@keystead/proto/iam';
import type { Call, Result } from '@keystead/proto/iam-query';
import {
  channelCredentials,
  channelOptions,
  invoke,
  lease,
  LeasedCache,
  pipelineClient,
  type PipelineClient,
  tlsIdentity,
  type TlsIdentity,
} from '@keystead/service';
import { deriveSigningKey } from '@keystead/sigv4';
import { cluster, type Cluster } from '@keystead/testing/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rootPrincipal } from '../src/grpc/bundles.js';
import { readConfig, start } from '../src/main.js';
import { contextOf } from './support/desk.js';

let world: Cluster;
let edge: IamServiceClient;
let kms: IamServiceClient;
let query: PipelineClient<NonNullable<Call['operation']>, NonNullable<Result['outcome']>>;
const folder = mkdtempSync(join(tmpdir(), 'keystead-iam-'));
const credentialsFile = join(folder, 'admin-credentials');
const identities: TlsIdentity[] = [];
const context: CallContext = contextOf(rootPrincipal('000000000000'));
const today = () => new Date().toISOString().slice(0, 10).replaceAll('-', '');
const address = () => world.addresses['iam-service'] ?? '';

async function identityOf(service: string): Promise<TlsIdentity> {
  const identity = tlsIdentity(await world.pki.dir(service));
  identities.push(identity);
  return identity;
}

async function clientOf(service: string): Promise<IamServiceClient> {
  return new IamServiceClient(address(), channelCredentials(await identityOf(service), 'iam-service'), channelOptions);
}

const signingKey = (client: IamServiceClient, accessKeyId: string, { date = today(), service = 'kms' } = {}) =>
  invoke(client.getSigningKey.bind(client), { accessKeyId, date, region: 'us-east-1', service });

const bundle = (client: IamServiceClient, arn: string, uniqueId = '') =>
  invoke(client.getPrincipalBundle.bind(client), { arn, uniqueId, sessionAccessKeyId: '' });

beforeAll(async () => {
  // The key of the administrator is to be made, not given.
  const made = {
    KEYSTEAD_ADMIN_ACCESS_KEY_ID: '',
    KEYSTEAD_ADMIN_SECRET_ACCESS_KEY: '',
    KEYSTEAD_ADMIN_CREDENTIALS_FILE: credentialsFile,
  };
  world = await cluster({ env: { 'iam-service': made } });
  [edge, kms] = [await clientOf('edge'), await clientOf('kms-service')];
  const tls = await identityOf('edge');
  query = pipelineClient({ method: IamServiceService.pipeline, address: address(), tls, expected: 'iam-service' });
});

afterAll(async () => {
  query.close();
  edge.close();
  kms.close();
  for (const identity of identities) identity.close();
  await world[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

const written = () => JSON.parse(readFileSync(credentialsFile, 'utf8')) as Credentials;

describe('the first administrator', () => {
  test('has a key in a file that only the owner reads', async () => {
    const { accessKeyId, secretAccessKey } = written();
    expect(statSync(credentialsFile).mode & 0o777).toBe(0o600);
    const found = await signingKey(edge, accessKeyId);
    expect(found.principal).toMatchObject({
      type: PrincipalType.PRINCIPAL_TYPE_IAM_USER,
      arn: 'arn:aws:iam::000000000000:user/administrator',
      account: '000000000000',
      userName: 'administrator',
    });
    expect(Buffer.from(found.signingKey)).toEqual(deriveSigningKey(secretAccessKey, today(), 'us-east-1', 'kms'));
  });

  test('keeps it at the next start, and gets another that the environment gives', async () => {
    const before = written();
    await world.restart('iam-service');
    expect(written()).toEqual(before);
    await signingKey(edge, before.accessKeyId);
    const { url, passwordFile } = world.database.of('iam-service');
    const another = await start(
      readConfig({
        KEYSTEAD_TLS_DIR: await world.pki.dir('iam-service'),
        KEYSTEAD_LOG_LEVEL: 'silent',
        KEYSTEAD_DATABASE_URL: url,
        KEYSTEAD_DATABASE_PASSWORD_FILE: passwordFile,
        KEYSTEAD_KMS_ADDRESS: world.addresses['kms-service'],
        KEYSTEAD_AUDIT_ADDRESS: world.addresses['audit-service'],
        KEYSTEAD_ADMIN_ACCESS_KEY_ID: 'AKIAGIVENBYOPERATOR1',
        KEYSTEAD_ADMIN_SECRET_ACCESS_KEY: 'given/by+the/operator+of+this/test++++++',
      }),
    );
    await another.close();
    const given = await signingKey(edge, 'AKIAGIVENBYOPERATOR1');
    expect(given.principal?.userName).toBe('administrator');
  });

  test('has a secret in the database that is not there in the clear', async () => {
    const { secretAccessKey } = written();
    const { rows } = await world.database
      .adminPool('iam-service')
      .query<{ wrapped_secret: Buffer }>('select wrapped_secret from access_key');
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row.wrapped_secret.includes(secretAccessKey)).toBe(false);
  });
});

describe('peers', () => {
  test('signing keys are for edge and the gateway, and for kms-service its own', async () => {
    const { accessKeyId } = written();
    await expect(signingKey(kms, accessKeyId)).resolves.toBeDefined();
    await expect(signingKey(kms, accessKeyId, { service: 's3' })).rejects.toMatchObject({ code: 'AccessDenied' });
    const audit = await clientOf('audit-service');
    await expect(signingKey(audit, accessKeyId)).rejects.toMatchObject({ code: 'AccessDenied' });
    audit.close();
    const gateway = await clientOf('object-store-gateway');
    await expect(signingKey(gateway, accessKeyId)).resolves.toBeDefined();
    gateway.close();
  });

  test('bundles are not for edge', async () => {
    await expect(bundle(edge, 'arn:aws:iam::000000000000:root')).rejects.toMatchObject({ code: 'AccessDenied' });
  });

  test('operations are for edge only, and only with a caller', async () => {
    const tls = await identityOf('kms-service');
    const other = pipelineClient<NonNullable<Call['operation']>, NonNullable<Result['outcome']>>({
      method: IamServiceService.pipeline,
      address: address(),
      tls,
      expected: 'iam-service',
      patienceMs: 300,
    });
    await expect(other.request('getAccountSummary', {}, { context })).rejects.toThrow();
    other.close();
    await expect(query.request('getAccountSummary', {})).rejects.toMatchObject({ code: 'AccessDenied' });
    const forwarded = { ...context, viaService: 's3' };
    await expect(query.request('getAccountSummary', {}, { context: forwarded })).rejects.toMatchObject({
      code: 'AccessDenied',
    });
  });
});

describe('signing keys', () => {
  test.each(['20200101', '20991231', 'tomorrow', ''])('are not given for %j', async (date) => {
    await expect(signingKey(edge, written().accessKeyId, { date })).rejects.toMatchObject({ code: 'InvalidSignature' });
  });

  test('are not given for unknown keys', async () => {
    await expect(signingKey(edge, 'AKIANOTTHEREATALL000')).rejects.toMatchObject({ code: 'UnrecognizedClient' });
  });

  test('end with the key: at once where nobody caches, and in every cache before the change is acknowledged', async () => {
    const userName = 'leaver';
    await query.request('createUser', { userName, tags: [] }, { context });
    const { accessKey } = await query.request('createAccessKey', { userName }, { context });
    const accessKeyId = accessKey?.accessKeyId ?? '';
    const tls = await identityOf('edge');
    const changes = lease({ address: address(), tls, expected: 'iam-service', subscriber: 'test' });
    const cache = new LeasedCache({
      lease: changes,
      maxEntries: 10,
      load: (key: string) => signingKey(edge, key.slice('access-key/'.length)).catch(() => undefined),
    });
    const key = `access-key/${accessKeyId}`;
    await expect.poll(async () => (await cache.get(key)) && cache.peek(key), { timeout: 5_000 }).toBeDefined();
    await query.request('updateAccessKey', { userName, accessKeyId, status: 'Inactive' }, { context });
    expect(cache.peek(key)).toBeUndefined();
    expect(await cache.get(key)).toBeUndefined();
    cache.close();
    changes.close();
  });
});

describe('bundles', () => {
  test('hold every policy of a user, from wherever it comes', async () => {
    const userName = 'bundled';
    const policyDocument = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}';
    const { user } = await query.request(
      'createUser',
      { userName, path: '/a/', tags: [{ key: 'k', value: 'v' }] },
      { context },
    );
    await query.request('putUserPolicy', { userName, policyName: 'own', policyDocument }, { context });
    await query.request('createGroup', { groupName: 'g' }, { context });
    await query.request('addUserToGroup', { groupName: 'g', userName }, { context });
    await query.request('putGroupPolicy', { groupName: 'g', policyName: 'shared', policyDocument }, { context });
    const policyArn = 'arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess';
    await query.request('attachGroupPolicy', { groupName: 'g', policyArn }, { context });
    const found = await bundle(kms, user?.arn ?? '', user?.userId);
    expect(found.bundle).toMatchObject({ tags: { k: 'v' }, principal: { userName, uniqueId: user?.userId } });
    expect(found.bundle?.policies.map(({ name, group }) => [name, group])).toEqual([
      ['own', ''],
      ['shared', 'g'],
      [policyArn, 'g'],
    ]);
  });

  test('are of exactly that principal', async () => {
    const arn = 'arn:aws:iam::000000000000:user/administrator';
    await expect(bundle(kms, arn, 'AIDASOMEBODYELSE00000')).rejects.toMatchObject({ code: 'NoSuchEntity' });
    await expect(bundle(kms, 'arn:aws:iam::000000000000:user/other/administrator')).rejects.toMatchObject({
      code: 'NoSuchEntity',
    });
    await expect(bundle(kms, 'arn:aws:iam::000000000000:role/administrator')).rejects.toMatchObject({
      code: 'NoSuchEntity',
    });
    expect((await bundle(kms, 'arn:aws:iam::000000000000:root')).bundle?.principal?.type).toBe(
      PrincipalType.PRINCIPAL_TYPE_ROOT,
    );
  });

  test('principals of policies are resolved', async () => {
    const administrator = 'arn:aws:iam::000000000000:user/administrator';
    const asked = [administrator, '000000000000', '111111111111', 'arn:aws:iam::000000000000:user/nobody', '*'];
    const { principals } = await invoke(kms.resolvePrincipals.bind(kms), { principals: asked });
    expect(principals.map((found) => found.asked)).toEqual([administrator, '000000000000']);
    const [first] = principals;
    const byId = await invoke(kms.resolvePrincipals.bind(kms), { principals: [first?.uniqueId ?? ''] });
    expect(byId.principals[0]?.arn).toBe(administrator);
  });
});

test('a use of a key is written down', async () => {
  const { accessKeyId } = written();
  await signingKey(edge, accessKeyId);
  await world.restart('iam-service');
  const { accessKeyLastUsed } = await query.request('getAccessKeyLastUsed', { accessKeyId }, { context });
  expect(accessKeyLastUsed).toMatchObject({ serviceName: 'kms', region: 'us-east-1' });
});

test('a reset leaves the administrator and nobody else', async () => {
  const tls = await identityOf('edge');
  const testing = new TestingServiceClient(address(), channelCredentials(tls, 'iam-service'), channelOptions);
  await query.request('createUser', { userName: 'forgotten', tags: [] }, { context });
  await invoke(testing.reset.bind(testing), {});
  testing.close();
  const { users } = await query.request('listUsers', {}, { context });
  expect(users.map((user) => user.userName)).toEqual(['administrator']);
  await expect(signingKey(edge, written().accessKeyId)).resolves.toBeDefined();
});
