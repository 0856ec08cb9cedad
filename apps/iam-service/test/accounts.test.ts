import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import * as s3 from '@aws-sdk/client-s3';
import { GetAccessKeyInfoCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { IamAdminServiceClient } from '@keystead/proto/iam';
import { channelCredentials, channelOptions, invoke, tlsIdentity } from '@keystead/service';
import { cluster, type Cluster } from '@keystead/testing/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operator, type Entered, type Operator } from './support/operator.js';

const home = '000000000000';
let world: Cluster;
let cli: Operator;
let other: Entered;

beforeAll(async () => {
  world = await cluster();
  cli = await operator(world);
  other = await cli.enter('222233334444');
});
afterAll(async () => {
  cli[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
});

const once = { maxAttempts: 1 };
const at = {
  iam: (config: Cluster['clientConfig']) => new iam.IAMClient({ ...config, ...once }),
  kms: (config: Cluster['clientConfig']) => new kms.KMSClient({ ...config, ...once }),
  s3: (config: Cluster['clientConfig']) => new s3.S3Client({ ...config, ...once }),
  sts: (config: Cluster['clientConfig']) => new STSClient({ ...config, ...once }),
  cloudTrail: (config: Cluster['clientConfig']) => new CloudTrailClient({ ...config, ...once }),
};

const allow = (Action: string | string[], more: object = {}) =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*', ...more }] });

/** A user of an account with a key of its own and one inline policy. */
async function userOf(config: Cluster['clientConfig'], UserName: string, PolicyDocument?: string) {
  const client = at.iam(config);
  await client.send(new iam.CreateUserCommand({ UserName }));
  if (PolicyDocument)
    await client.send(new iam.PutUserPolicyCommand({ UserName, PolicyName: 'rights', PolicyDocument }));
  const { AccessKey } = await client.send(new iam.CreateAccessKeyCommand({ UserName }));
  const credentials = {
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? '',
  };
  return { ...config, credentials };
}

async function events(config: Cluster['clientConfig'], AttributeValue: string) {
  const LookupAttributes = [{ AttributeKey: 'EventName' as const, AttributeValue }];
  const { Events = [] } = await at.cloudTrail(config).send(new LookupEventsCommand({ LookupAttributes }));
  return Events.map(({ CloudTrailEvent = '' }) => JSON.parse(CloudTrailEvent) as Record<string, unknown>);
}

describe('operators', () => {
  let admin: IamAdminServiceClient;
  beforeAll(() => {
    admin = cli.admin;
  });

  test('make accounts with a given or a random number, never one twice', async () => {
    const create = (accountId: string, alias = '') => invoke(admin.createAccount.bind(admin), { accountId, alias });
    const made = await create('', 'payments');
    expect(made.account).toMatchObject({ alias: 'payments' });
    expect(made.account?.accountId).toMatch(/^[1-9]\d{11}$/);
    await expect(create('222233334444')).rejects.toMatchObject({ code: 'EntityAlreadyExists' });
    await expect(create(home)).rejects.toMatchObject({ code: 'EntityAlreadyExists' });
    await expect(create('', 'payments')).rejects.toMatchObject({ code: 'EntityAlreadyExists' });
    for (const bad of ['1', '12345678901x', '999999999999'])
      await expect(create(bad)).rejects.toMatchObject({ code: 'Validation' });
    const { accounts } = await invoke(admin.listAccounts.bind(admin), { after: '', maxResults: 0 });
    expect(accounts.map(({ accountId }) => accountId)).toEqual([home, '222233334444', made.account?.accountId].sort());
    const page = await invoke(admin.listAccounts.bind(admin), { after: '', maxResults: 1 });
    expect(page).toMatchObject({ accounts: [{ accountId: home }], next: home });
  });

  test('make two keys of a root user at most, rotate and delete them; the old one is refused at once', async () => {
    const { account: accountId, clientConfig } = await cli.enter();
    const make = (replace: boolean) => invoke(admin.createRootKey.bind(admin), { accountId, replace });
    await make(false);
    await expect(make(false)).rejects.toMatchObject({ code: 'LimitExceeded' });
    await at.sts(clientConfig).send(new GetCallerIdentityCommand({}));
    const rotated = await make(true);
    expect(rotated.deleted).toContain(clientConfig.credentials.accessKeyId);
    await expect(at.sts(clientConfig).send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
      name: 'InvalidClientTokenId',
    });
    const { accessKeyId = '' } = rotated.key ?? {};
    const keys = await invoke(admin.listRootKeys.bind(admin), { accountId });
    expect(keys.keys).toMatchObject([{ accessKeyId, status: 'Active' }]);
    await invoke(admin.deleteRootKey.bind(admin), { accountId, accessKeyId });
    await expect(invoke(admin.deleteRootKey.bind(admin), { accountId, accessKeyId })).rejects.toMatchObject({
      code: 'NoSuchEntity',
    });
    await expect(
      invoke(admin.createRootKey.bind(admin), { accountId: '111122223333', replace: false }),
    ).rejects.toMatchObject({
      code: 'NoSuchEntity',
    });
  });

  test('are nobody else: neither services nor principals', async () => {
    for (const folder of [
      await world.pki.dir('edge'),
      await world.pki.dirFor(`spiffe://${world.pki.trustDomain}/principal/${home}/arn:aws:iam::${home}:root`),
    ]) {
      const tls = tlsIdentity(folder);
      const address = world.addresses['iam-service'] ?? '';
      const stranger = new IamAdminServiceClient(address, channelCredentials(tls, 'iam-service'), channelOptions);
      await expect(invoke(stranger.listAccounts.bind(stranger), { after: '', maxResults: 0 })).rejects.toMatchObject({
        code: 'AccessDenied',
      });
      stranger.close();
      tls.close();
    }
  });

  test('are recorded in the log of the account, without secrets', async () => {
    // Records of changes follow their change: read them once they are there.
    await expect
      .poll(async () => (await events(other.clientConfig, 'CreateAccessKey')).length, { timeout: 10_000 })
      .toBeGreaterThan(0);
    const [created] = await events(other.clientConfig, 'CreateAccount');
    expect(created).toMatchObject({
      eventSource: 'organizations.amazonaws.com',
      recipientAccountId: other.account,
      requestParameters: { accountId: other.account },
      userIdentity: { type: 'AWSService', invokedBy: 'operator.keystead.internal' },
      additionalEventData: { operator: 'cli' },
    });
    const [key] = await events(other.clientConfig, 'CreateAccessKey');
    const { accessKeyId } = other.clientConfig.credentials;
    expect(key).toMatchObject({ responseElements: { accessKey: { accessKeyId, status: 'Active' } } });
    expect(JSON.stringify(key)).not.toContain(other.clientConfig.credentials.secretAccessKey);
  });
});

describe('the root user', () => {
  test('is who its key says, sees itself, and is not limited by policies', async () => {
    const { account, clientConfig } = other;
    expect(await at.sts(clientConfig).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: account,
      Arn: `arn:aws:iam::${account}:root`,
      UserId: account,
    });
    const client = at.iam(clientConfig);
    expect((await client.send(new iam.GetUserCommand({}))).User).toMatchObject({ Arn: `arn:aws:iam::${account}:root` });
    expect((await client.send(new iam.GetAccountSummaryCommand({}))).SummaryMap).toMatchObject({
      AccountAccessKeysPresent: 1,
      Users: 0,
    });
    const AccessKeyId = clientConfig.credentials.accessKeyId;
    expect(await at.sts(world.clientConfig).send(new GetAccessKeyInfoCommand({ AccessKeyId }))).toMatchObject({
      Account: account,
    });
    const [called] = await events(clientConfig, 'GetUser');
    expect(called).toMatchObject({ userIdentity: { type: 'Root', principalId: account, accountId: account } });
  });

  test('manages its own keys without naming a user', async () => {
    const { clientConfig } = await cli.enter();
    const client = at.iam(clientConfig);
    const { AccessKey } = await client.send(new iam.CreateAccessKeyCommand({}));
    const AccessKeyId = AccessKey?.AccessKeyId;
    const { AccessKeyMetadata = [] } = await client.send(new iam.ListAccessKeysCommand({}));
    expect(AccessKeyMetadata).toHaveLength(2);
    await client.send(new iam.UpdateAccessKeyCommand({ AccessKeyId, Status: 'Inactive' }));
    await client.send(new iam.DeleteAccessKeyCommand({ AccessKeyId }));
    const left = await client.send(new iam.ListAccessKeysCommand({}));
    expect(left.AccessKeyMetadata?.map((key) => key.AccessKeyId)).toEqual([clientConfig.credentials.accessKeyId]);
  });
});

describe('aliases of accounts', () => {
  test('are one for each account, unique over all of them', async () => {
    const [client, stranger] = [at.iam(other.clientConfig), at.iam(world.clientConfig)];
    await client.send(new iam.CreateAccountAliasCommand({ AccountAlias: 'first-name' }));
    await client.send(new iam.CreateAccountAliasCommand({ AccountAlias: 'second-name' }));
    expect((await client.send(new iam.ListAccountAliasesCommand({}))).AccountAliases).toEqual(['second-name']);
    expect((await stranger.send(new iam.ListAccountAliasesCommand({}))).AccountAliases).toEqual([]);
    await expect(
      stranger.send(new iam.CreateAccountAliasCommand({ AccountAlias: 'second-name' })),
    ).rejects.toMatchObject({
      name: 'EntityAlreadyExistsException',
      message: 'The account alias second-name already exists.',
    });
    await expect(
      stranger.send(new iam.DeleteAccountAliasCommand({ AccountAlias: 'second-name' })),
    ).rejects.toMatchObject({
      name: 'NoSuchEntityException',
    });
    await client.send(new iam.DeleteAccountAliasCommand({ AccountAlias: 'second-name' }));
    for (const AccountAlias of ['ab', '-abc', 'a--b', 'ABC', '123456789012', 'x'.repeat(64)]) {
      await expect(client.send(new iam.CreateAccountAliasCommand({ AccountAlias }))).rejects.toMatchObject({
        name: 'ValidationError',
      });
    }
  });
});

describe('between accounts', () => {
  test('a key is used by its ARN when its policy and the caller’s own policy both allow it', async () => {
    const owner = at.kms(world.clientConfig);
    const user = await userOf(other.clientConfig, 'reader', allow(['kms:Decrypt', 'kms:Encrypt', 'kms:DescribeKey']));
    const powerless = await userOf(other.clientConfig, 'powerless');
    const { KeyMetadata: mine } = await owner.send(new kms.CreateKeyCommand({}));
    const KeyId = mine?.Arn ?? '';
    const Plaintext = Buffer.from('shared');
    const encrypt = (config: Cluster['clientConfig'], id = KeyId) =>
      at.kms(config).send(new kms.EncryptCommand({ KeyId: id, Plaintext }));
    await expect(encrypt(user)).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: `User: arn:aws:iam::${other.account}:user/reader is not authorized to perform: kms:Encrypt on resource: ${KeyId} because no resource-based policy allows the kms:Encrypt action`,
    });
    const enable = { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${home}:root` }, Action: 'kms:*', Resource: '*' };
    const share = {
      ...enable,
      Principal: { AWS: other.account },
      Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey'],
    };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [enable, share] });
    await owner.send(new kms.PutKeyPolicyCommand({ KeyId, Policy }));
    const { CiphertextBlob } = await encrypt(user);
    const opened = await at.kms(user).send(new kms.DecryptCommand({ CiphertextBlob, KeyId }));
    expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Plaintext);
    // By its id alone it is a key of the caller's own account, which is not there.
    await expect(encrypt(user, mine?.KeyId)).rejects.toMatchObject({ name: 'NotFoundException' });
    await expect(encrypt(powerless)).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await expect(at.kms(user).send(new kms.ScheduleKeyDeletionCommand({ KeyId }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
    const [theirs] = await events(other.clientConfig, 'Decrypt');
    const [ours] = await events(world.clientConfig, 'Decrypt');
    expect(theirs).toMatchObject({ userIdentity: { type: 'IAMUser', userName: 'reader' } });
    expect(ours).toMatchObject({ userIdentity: { type: 'AWSAccount', accountId: other.account } });
    expect(ours?.['sharedEventID']).toBe(theirs?.['sharedEventID']);
  });

  test('nothing else is seen: keys, aliases, users, buckets, events', async () => {
    const [mine, theirs] = [at.kms(world.clientConfig), at.kms(other.clientConfig)];
    const { KeyMetadata } = await mine.send(new kms.CreateKeyCommand({}));
    await mine.send(new kms.CreateAliasCommand({ AliasName: 'alias/private', TargetKeyId: KeyMetadata?.KeyId }));
    const keys = await theirs.send(new kms.ListKeysCommand({}));
    expect(keys.Keys?.map(({ KeyArn = '' }) => KeyArn).filter((arn) => !arn.includes(other.account))).toEqual([]);
    const { Aliases } = await theirs.send(new kms.ListAliasesCommand({}));
    expect(Aliases?.map(({ AliasName }) => AliasName)).toEqual(['alias/aws/s3']);
    await expect(theirs.send(new kms.DescribeKeyCommand({ KeyId: 'alias/private' }))).rejects.toMatchObject({
      name: 'NotFoundException',
    });
    for (const KeyId of [KeyMetadata?.Arn, `arn:aws:kms:us-east-1:${home}:alias/private`]) {
      await expect(theirs.send(new kms.DescribeKeyCommand({ KeyId }))).rejects.toMatchObject({
        name: 'AccessDeniedException',
      });
    }
    const users = await at.iam(other.clientConfig).send(new iam.ListUsersCommand({}));
    expect(users.Users?.every(({ Arn = '' }) => Arn.includes(other.account))).toBe(true);
    const lookup = await at.cloudTrail(other.clientConfig).send(new LookupEventsCommand({}));
    const recipients = lookup.Events?.map(({ CloudTrailEvent = '' }) => JSON.parse(CloudTrailEvent) as object);
    expect(recipients?.length).toBeGreaterThan(5);
    for (const event of recipients ?? []) expect(event).toMatchObject({ recipientAccountId: other.account });
  });

  test('names of buckets are global, buckets and aws/s3 belong to an account', async () => {
    const [mine, theirs] = [at.s3(world.clientConfig), at.s3(other.clientConfig)];
    const [Bucket, Key] = ['theirs-alone', 'k'];
    await theirs.send(new s3.CreateBucketCommand({ Bucket }));
    await expect(mine.send(new s3.CreateBucketCommand({ Bucket }))).rejects.toMatchObject({
      name: 'BucketAlreadyExists',
    });
    expect((await mine.send(new s3.ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)).not.toContain(Bucket);
    const listed = await theirs.send(new s3.ListBucketsCommand({}));
    expect(listed).toMatchObject({ Owner: { ID: other.account }, Buckets: [{ Name: Bucket }] });
    const put = await theirs.send(new s3.PutObjectCommand({ Bucket, Key, Body: 'x', ServerSideEncryption: 'aws:kms' }));
    expect(put.SSEKMSKeyId).toContain(`:${other.account}:key/`);
    await expect(mine.send(new s3.GetObjectCommand({ Bucket, Key }))).rejects.toMatchObject({ name: 'AccessDenied' });
    const described = await at.kms(other.clientConfig).send(new kms.DescribeKeyCommand({ KeyId: 'alias/aws/s3' }));
    expect(described.KeyMetadata).toMatchObject({
      Arn: put.SSEKMSKeyId,
      KeyManager: 'AWS',
      AWSAccountId: other.account,
    });
  });

  test('describing alias/aws/s3 makes the key of an account that has none, as at AWS', async () => {
    const { account, clientConfig } = await cli.enter();
    const client = at.kms(clientConfig);
    const { KeyMetadata } = await client.send(new kms.DescribeKeyCommand({ KeyId: 'alias/aws/s3' }));
    expect(KeyMetadata).toMatchObject({ AWSAccountId: account, KeyManager: 'AWS' });
    await expect(
      client.send(new kms.EncryptCommand({ KeyId: 'alias/aws/s3', Plaintext: Buffer.from('x') })),
    ).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });
});
