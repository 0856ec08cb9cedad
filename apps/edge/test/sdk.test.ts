import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import * as iam from '@aws-sdk/client-iam';
import * as kms from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Cluster, cluster } from '@keystead/testing/cluster';

let running: Cluster;
beforeAll(async () => {
  running = await cluster();
});
afterAll(() => running[Symbol.asyncDispose]());

type Credentials = Cluster['credentials'];

const client = (credentials: Credentials = running.credentials) => ({
  ...running.clientConfig,
  credentials,
  maxAttempts: 1,
});

const utf8 = (text: string): Uint8Array => Buffer.from(text);

test('GetCallerIdentity names the administrator', async () => {
  const sts = new STSClient(client());
  const answer = await sts.send(new GetCallerIdentityCommand({}));
  expect(answer).toMatchObject({ Account: '000000000000', Arn: 'arn:aws:iam::000000000000:user/administrator' });
});

describe('KMS', () => {
  test('a key is made, used, disabled and scheduled for deletion', async () => {
    const client_ = new kms.KMSClient(client());
    const made = await client_.send(
      new kms.CreateKeyCommand({ Description: 'test', Tags: [{ TagKey: 'a', TagValue: 'b' }] }),
    );
    const { KeyId, Arn } = made.KeyMetadata as kms.KeyMetadata;
    expect(made.KeyMetadata).toMatchObject({
      AWSAccountId: '000000000000',
      KeySpec: 'SYMMETRIC_DEFAULT',
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      Enabled: true,
      MultiRegion: false,
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    });
    expect(made.KeyMetadata?.CreationDate).toBeInstanceOf(Date);
    expect(made.KeyMetadata?.SigningAlgorithms).toBeUndefined();
    await client_.send(new kms.CreateAliasCommand({ AliasName: 'alias/app', TargetKeyId: KeyId }));
    const EncryptionContext = { purpose: 'test', ü: '€' };
    const sealed = await client_.send(
      new kms.EncryptCommand({ KeyId: 'alias/app', Plaintext: utf8('hello'), EncryptionContext }),
    );
    expect(sealed.KeyId).toBe(Arn);
    const opened = await client_.send(
      new kms.DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob, EncryptionContext }),
    );
    expect(Buffer.from(opened.Plaintext as Uint8Array).toString()).toBe('hello');
    await expect(
      client_.send(
        new kms.DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: { other: 'x' } }),
      ),
    ).rejects.toMatchObject({ name: 'InvalidCiphertextException', $metadata: { httpStatusCode: 400 } });
    await expect(
      client_.send(new kms.EncryptCommand({ KeyId, Plaintext: new Uint8Array(4097) })),
    ).rejects.toMatchObject({ name: 'ValidationException' });
    const dataKey = await client_.send(new kms.GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
    expect(dataKey.Plaintext).toHaveLength(32);
    const random = await client_.send(new kms.GenerateRandomCommand({ NumberOfBytes: 20 }));
    expect(random.Plaintext).toHaveLength(20);
    expect((await client_.send(new kms.ListKeysCommand({}))).Keys).toContainEqual({ KeyId, KeyArn: Arn });
    expect((await client_.send(new kms.ListResourceTagsCommand({ KeyId }))).Tags).toEqual([
      { TagKey: 'a', TagValue: 'b' },
    ]);
    await client_.send(new kms.EnableKeyRotationCommand({ KeyId }));
    const rotation = await client_.send(new kms.GetKeyRotationStatusCommand({ KeyId }));
    expect(rotation).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 365 });
    expect(rotation.NextRotationDate).toBeInstanceOf(Date);
    await client_.send(new kms.DisableKeyCommand({ KeyId }));
    await expect(client_.send(new kms.EncryptCommand({ KeyId, Plaintext: utf8('x') }))).rejects.toMatchObject({
      name: 'DisabledException',
      message: `${Arn} is disabled.`,
    });
    const scheduled = await client_.send(new kms.ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    expect(scheduled).toMatchObject({ KeyId: Arn, KeyState: 'PendingDeletion' });
    expect(scheduled.DeletionDate).toBeInstanceOf(Date);
    await expect(
      client_.send(new kms.DescribeKeyCommand({ KeyId: '11111111-2222-3333-4444-555555555555' })),
    ).rejects.toMatchObject({ name: 'NotFoundException', $metadata: { httpStatusCode: 400 } });
  });

  test('the last use of a key is told', async () => {
    const sdk = new kms.KMSClient(client());
    const { KeyMetadata } = await sdk.send(new kms.CreateKeyCommand({}));
    const KeyId = KeyMetadata?.KeyId;
    const unused = await sdk.send(new kms.GetKeyLastUsageCommand({ KeyId }));
    expect(unused).toMatchObject({ KeyId, KeyLastUsage: {}, KeyCreationDate: KeyMetadata?.CreationDate });
    const { $metadata } = await sdk.send(new kms.EncryptCommand({ KeyId, Plaintext: Buffer.from('x') }));
    const { KeyLastUsage } = await sdk.send(new kms.GetKeyLastUsageCommand({ KeyId }));
    expect(KeyLastUsage).toMatchObject({ Operation: 'Encrypt', KmsRequestId: $metadata.requestId });
    expect(KeyLastUsage?.Timestamp).toBeInstanceOf(Date);
  });

  test('what AWS has and Keystead has not yet says so', async () => {
    const asked = new kms.KMSClient(client()).send(new kms.DescribeCustomKeyStoresCommand({}));
    await expect(asked).rejects.toMatchObject({ name: 'UnsupportedOperationException' });
  });

  test('a wrong secret, an unknown key and another Region are refused in the words of AWS', async () => {
    const list = (options: object) => new kms.KMSClient({ ...client(), ...options }).send(new kms.ListKeysCommand({}));
    await expect(list({ credentials: { ...running.credentials, secretAccessKey: 'wrong' } })).rejects.toMatchObject({
      name: 'InvalidSignatureException',
    });
    await expect(
      list({ credentials: { ...running.credentials, accessKeyId: 'AKIAUNKNOWN000000000' } }),
    ).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
    });
    await expect(list({ region: 'eu-west-1' })).rejects.toMatchObject({ name: 'InvalidSignatureException' });
  });
});

describe('IAM', () => {
  test('users, groups, keys and policies', async () => {
    const client_ = new iam.IAMClient(client());
    const { User } = await client_.send(
      new iam.CreateUserCommand({ UserName: 'alice', Path: '/team/', Tags: [{ Key: 'k', Value: 'ü+é = x' }] }),
    );
    expect(User).toMatchObject({ UserName: 'alice', Path: '/team/', Arn: 'arn:aws:iam::000000000000:user/team/alice' });
    expect(User?.CreateDate).toBeInstanceOf(Date);
    const found = await client_.send(new iam.GetUserCommand({ UserName: 'alice' }));
    expect(found.User?.Tags).toEqual([{ Key: 'k', Value: 'ü+é = x' }]);
    await client_.send(new iam.CreateGroupCommand({ GroupName: 'staff' }));
    await client_.send(new iam.AddUserToGroupCommand({ GroupName: 'staff', UserName: 'alice' }));
    expect((await client_.send(new iam.GetGroupCommand({ GroupName: 'staff' }))).Users).toHaveLength(1);
    const PolicyDocument = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' }],
    });
    await client_.send(new iam.PutUserPolicyCommand({ UserName: 'alice', PolicyName: 'p', PolicyDocument }));
    const inline = await client_.send(new iam.GetUserPolicyCommand({ UserName: 'alice', PolicyName: 'p' }));
    expect(decodeURIComponent(inline.PolicyDocument ?? '')).toBe(PolicyDocument);
    expect((await client_.send(new iam.ListUserPoliciesCommand({ UserName: 'alice' }))).PolicyNames).toEqual(['p']);
    const { AccessKey } = await client_.send(new iam.CreateAccessKeyCommand({ UserName: 'alice' }));
    const alice = { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
    const asAlice = new kms.KMSClient(client(alice));
    await asAlice.send(new kms.ListKeysCommand({}));
    await expect(asAlice.send(new kms.CreateKeyCommand({}))).rejects.toMatchObject({ name: 'AccessDeniedException' });
    await client_.send(new iam.DeleteAccessKeyCommand({ UserName: 'alice', AccessKeyId: alice.accessKeyId }));
    await expect(asAlice.send(new kms.ListKeysCommand({}))).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
    });
    expect((await client_.send(new iam.ListAccessKeysCommand({ UserName: 'alice' }))).AccessKeyMetadata).toEqual([]);
  });

  test('its errors have their own status', async () => {
    const client_ = new iam.IAMClient(client());
    await expect(client_.send(new iam.GetUserCommand({ UserName: 'nobody' }))).rejects.toMatchObject({
      name: 'NoSuchEntityException',
      $metadata: { httpStatusCode: 404 },
    });
    await client_.send(new iam.CreateGroupCommand({ GroupName: 'twice' }));
    await expect(client_.send(new iam.CreateGroupCommand({ GroupName: 'twice' }))).rejects.toMatchObject({
      name: 'EntityAlreadyExistsException',
      $metadata: { httpStatusCode: 409 },
    });
    await expect(
      client_.send(new iam.CreateLoginProfileCommand({ UserName: 'u', Password: 'p' })),
    ).rejects.toMatchObject({
      name: 'InvalidAction',
    });
  });
});

describe('CloudTrail', () => {
  test('LookupEvents shows what was done, and what edge itself refused', async () => {
    const client_ = new CloudTrailClient(client());
    const created = await client_.send(
      new LookupEventsCommand({ LookupAttributes: [{ AttributeKey: 'EventName', AttributeValue: 'CreateKey' }] }),
    );
    expect(created.Events?.length).toBeGreaterThan(0);
    expect(created.Events?.[0]).toMatchObject({ EventSource: 'kms.amazonaws.com', ReadOnly: 'false' });
    expect(created.Events?.[0]?.EventTime).toBeInstanceOf(Date);
    const refused = await client_.send(
      new LookupEventsCommand({
        LookupAttributes: [{ AttributeKey: 'EventName', AttributeValue: 'DescribeCustomKeyStores' }],
      }),
    );
    const event = JSON.parse(refused.Events?.[0]?.CloudTrailEvent ?? '{}') as Record<string, unknown>;
    expect(event).toMatchObject({ eventName: 'DescribeCustomKeyStores', errorCode: 'UnsupportedOperationException' });
  });
});

describe('S3 through the same endpoint', () => {
  test('buckets and objects of several sizes, encrypted under a key', async () => {
    const s3 = new S3Client(client());
    const { KeyMetadata } = await new kms.KMSClient(client()).send(new kms.CreateKeyCommand({}));
    await s3.send(new CreateBucketCommand({ Bucket: 'edge' }));
    for (const size of [0, 1, 70_000, 5 << 20]) {
      const Body = Buffer.alloc(size, 'k');
      const where = { Bucket: 'edge', Key: `a b/ü+${size}` };
      const encryption = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyMetadata?.KeyId } as const;
      const put = await s3.send(new PutObjectCommand({ ...where, Body, ...encryption }));
      expect(put).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyMetadata?.Arn });
      const got = await s3.send(new GetObjectCommand(where));
      expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(Body)).toBe(true);
    }
    const listed = await s3.send(new ListObjectsV2Command({ Bucket: 'edge' }));
    expect(listed.Contents).toHaveLength(4);
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket: 'edge', Key: 'a b/ü+1' }), { expiresIn: 60 });
    expect(await (await fetch(url)).text()).toBe('k');
    await expect(s3.send(new GetObjectCommand({ Bucket: 'edge', Key: 'none' }))).rejects.toMatchObject({
      name: 'NoSuchKey',
    });
  });
});

test('reset forgets what users made, and the administrator goes on', async () => {
  const list = (): Promise<kms.ListKeysCommandOutput> => new kms.KMSClient(client()).send(new kms.ListKeysCommand({}));
  expect((await list()).Keys).not.toEqual([]);
  const reset = (headers = {}) => fetch(`${running.endpoint}/_keystead/reset`, { method: 'POST', headers });
  expect((await reset({ origin: 'https://elsewhere.example' })).status).toBe(403);
  const answer = await reset();
  expect(await answer.json()).toEqual({ status: 'RESET' });
  expect((await list()).Keys).toEqual([]);
  const users = await new iam.IAMClient(client()).send(new iam.ListUsersCommand({}));
  expect(users.Users?.map(({ UserName }) => UserName)).toEqual(['administrator']);
});
