import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import * as IAM from '@aws-sdk/client-iam';
import { LookupEventsCommand, CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { PrincipalType } from '@keystead/proto/common';
import { IamServiceService } from '@keystead/proto/iam';
import { KmsServiceService, type PipelineResponse } from '@keystead/proto/kms';
import { channelCredentials, trustIn } from '@keystead/service';
import { cluster, type Cluster } from '@keystead/testing/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKmsClient, type AwsCredentials, type AwsCredentialsProvider, type KmsClient } from '../src/index.js';
import { HeldCredentials } from '../src/credentials.js';
import { signedCalls } from '../src/signing.js';

const hello = Buffer.from('hello');
const allow = (Action: string) =>
  JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action, Resource: '*' } });

let running: Cluster;
let iam: IAM.IAMClient;
let ca: string;
let keyId: string;
let roleArn: string;

function clientWith(
  credentials: AwsCredentials | AwsCredentialsProvider,
  coalesce = true,
  region = 'us-east-1',
): KmsClient {
  const tls = { ca, trustDomain: running.pki.trustDomain };
  return createKmsClient({ endpoint: running.kmsCredentialsAddress, tls, credentials, coalesce, region });
}

async function session(policy?: string): Promise<AwsCredentials> {
  const sts = new STSClient(running.clientConfig);
  const Policy = policy === undefined ? {} : { Policy: policy };
  const { Credentials: made } = await sts.send(
    new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'over-grpc', ...Policy }),
  );
  sts.destroy();
  return {
    accessKeyId: made?.AccessKeyId ?? '',
    secretAccessKey: made?.SecretAccessKey ?? '',
    sessionToken: made?.SessionToken,
    expiration: made?.Expiration,
  };
}

async function accessKeyOf(UserName: string): Promise<AwsCredentials> {
  await iam.send(new IAM.CreateUserCommand({ UserName }));
  await iam.send(new IAM.PutUserPolicyCommand({ UserName, PolicyName: 'kms', PolicyDocument: allow('kms:*') }));
  const { AccessKey } = await iam.send(new IAM.CreateAccessKeyCommand({ UserName }));
  return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
}

const refusal = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'no refusal',
    (error: unknown) => error,
  );

beforeAll(async () => {
  running = await cluster();
  ca = running.pki.authority.certificate;
  iam = new IAM.IAMClient(running.clientConfig);
  const trust = {
    Version: '2012-10-17',
    Statement: { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: 'arn:aws:iam::000000000000:root' } },
  };
  const { Role } = await iam.send(
    new IAM.CreateRoleCommand({ RoleName: 'workload', AssumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  roleArn = Role?.Arn ?? '';
  await iam.send(
    new IAM.PutRolePolicyCommand({ RoleName: 'workload', PolicyName: 'kms', PolicyDocument: allow('kms:*') }),
  );
  using administrator = clientWith(running.credentials);
  keyId = (await administrator.createKey({})).keyMetadata?.keyId ?? '';
});

afterAll(async () => {
  iam.destroy();
  await running[Symbol.asyncDispose]();
});

describe.each([
  ['coalesced', true],
  ['unary', false],
] as const)('%s', (_name, coalesce) => {
  test('a session of a role encrypts and decrypts, and is in the log with its access key', async () => {
    const credentials = await session();
    using kms = clientWith(credentials, coalesce);
    const { ciphertextBlob } = await kms.encrypt({ keyId, plaintext: hello });
    expect(Buffer.from((await kms.decrypt({ ciphertextBlob })).plaintext)).toEqual(hello);
    const trail = new CloudTrailClient(running.clientConfig);
    const AccessKeyId = { AttributeKey: 'AccessKeyId', AttributeValue: credentials.accessKeyId } as const;
    const { Events } = await trail.send(new LookupEventsCommand({ LookupAttributes: [AccessKeyId] }));
    trail.destroy();
    const event = JSON.parse(
      Events?.find(({ EventName }) => EventName === 'Decrypt')?.CloudTrailEvent ?? '{}',
    ) as Record<string, object>;
    expect(event).toMatchObject({
      userIdentity: { type: 'AssumedRole', accessKeyId: credentials.accessKeyId },
      sourceIPAddress: '127.0.0.1',
    });
  });

  test('a session policy caps', async () => {
    using kms = clientWith(await session(allow('kms:DescribeKey')), coalesce);
    expect((await kms.describeKey({ keyId })).keyMetadata?.keyId).toBe(keyId);
    expect(await refusal(kms.encrypt({ keyId, plaintext: hello }))).toMatchObject({ code: 'AccessDenied' });
  });

  test('what proves nobody is refused', async () => {
    const good = await session();
    const cases: [AwsCredentials, string][] = [
      [{ ...good, secretAccessKey: 'wrong' }, 'InvalidSignature'],
      [{ ...good, sessionToken: `${good.sessionToken ?? ''}x` }, 'UnrecognizedClient'],
      [{ ...good, sessionToken: undefined }, 'UnrecognizedClient'],
      [{ ...running.credentials, sessionToken: 'none' }, 'UnrecognizedClient'],
      [{ ...good, accessKeyId: 'ASIAAAAAAAAAAAAAAAAA' }, 'UnrecognizedClient'],
    ];
    for (const [credentials, code] of cases) {
      using kms = clientWith(credentials, coalesce);
      expect(await refusal(kms.describeKey({ keyId }))).toMatchObject({ code });
    }
    using elsewhere = clientWith(good, coalesce, 'eu-west-1');
    expect(await refusal(elsewhere.describeKey({ keyId }))).toMatchObject({ code: 'InvalidSignature' });
  });

  test('ends with its access key, also on a stream that is open', async () => {
    const UserName = coalesce ? 'streams' : 'calls';
    const credentials = await accessKeyOf(UserName);
    using kms = clientWith(credentials, coalesce);
    await kms.describeKey({ keyId });
    const key = { UserName, AccessKeyId: credentials.accessKeyId };
    await iam.send(new IAM.UpdateAccessKeyCommand({ ...key, Status: 'Inactive' }));
    expect(await refusal(kms.describeKey({ keyId }))).toMatchObject({
      code: 'UnrecognizedClient',
      name: 'UnrecognizedClientException',
    });
  });

  test('goes on with what the provider gives next', async () => {
    const first = { ...(await accessKeyOf(`next-${coalesce}`)), expiration: new Date(Date.now() + 2_500) };
    const second = await session();
    let given: AwsCredentials = first;
    using kms = clientWith(() => Promise.resolve(given), coalesce);
    await kms.describeKey({ keyId });
    given = second;
    const key = { UserName: `next-${coalesce}`, AccessKeyId: first.accessKeyId };
    await sleep(1_500);
    await iam.send(new IAM.UpdateAccessKeyCommand({ ...key, Status: 'Inactive' }));
    // On a busy machine the new stream may not be open yet, and the old one is refused.
    const described = () =>
      kms.describeKey({ keyId }).then(
        ({ keyMetadata }) => keyMetadata?.keyId,
        (error: unknown) => String(error),
      );
    await expect.poll(described, { timeout: 20_000 }).toBe(keyId);
  });
});

test('a session whose role is gone is refused, and its open stream answers no more', async () => {
  const credentials = await session();
  using kms = clientWith(credentials);
  await kms.describeKey({ keyId });
  await iam.send(new IAM.DeleteRolePolicyCommand({ RoleName: 'workload', PolicyName: 'kms' }));
  await iam.send(new IAM.DeleteRoleCommand({ RoleName: 'workload' }));
  expect(await refusal(kms.describeKey({ keyId }))).toMatchObject({ code: 'UnrecognizedClient' });
  using again = clientWith(credentials);
  expect(await refusal(again.describeKey({ keyId }))).toMatchObject({ code: 'UnrecognizedClient' });
});

describe('what a client of its own may try', () => {
  const path = '/keystead.kms.v1.KmsService/DescribeKey';

  /** Calls a method with metadata as they are. */
  async function raw(method: string, metadata: Metadata): Promise<ServiceError | 'answered'> {
    const trust = trustIn(ca, running.pki.trustDomain);
    const client = new Client(running.kmsCredentialsAddress, channelCredentials(trust, 'kms-service'));
    const body = Buffer.from(KmsServiceService.describeKey.requestSerialize({ keyId, grantTokens: [] }));
    const same = (bytes: Buffer): Buffer => bytes;
    return new Promise<ServiceError | 'answered'>((resolve) => {
      client.makeUnaryRequest(method, same, same, body, metadata, {}, (error) => resolve(error ?? 'answered'));
    }).finally(() => client.close());
  }

  async function signed(method: string): Promise<Metadata> {
    const held = new HeldCredentials(running.credentials);
    const signer = signedCalls(held, 'us-east-1', running.kmsCredentialsAddress);
    return signer.generateMetadata({ method_name: method, service_url: '' }).finally(() => held.close());
  }

  test('no metadata, another path, another time, a second date', async () => {
    expect(await raw(path, await signed(path))).toBe('answered');
    const unauthenticated = { code: status.UNAUTHENTICATED };
    expect(await raw(path, new Metadata())).toMatchObject(unauthenticated);
    expect(await raw(path, await signed('/keystead.kms.v1.KmsService/Encrypt'))).toMatchObject(unauthenticated);
    expect(await raw(path, await signed('/'))).toMatchObject(unauthenticated);
    const old = await signed(path);
    const time = new Date(Date.now() - 16 * 60_000).toISOString().replace(/[-:]|\.\d{3}/g, '');
    old.set('x-amz-date', time);
    expect(await raw(path, old)).toMatchObject(unauthenticated);
    const twice = await signed(path);
    twice.add('x-amz-date', time);
    expect(await raw(path, twice)).toMatchObject(unauthenticated);
    const more = await signed(path);
    more.set('x-amz-meta', 'not signed');
    expect(await raw(path, more)).toMatchObject(unauthenticated);
  });

  test('other services are not there', async () => {
    const others = ['/keystead.common.v1.ChangeService/Watch', '/keystead.kms.v1.KmsAdminService/Explain'];
    for (const other of [...others, IamServiceService.getSigningKey.path, '/grpc.health.v1.Health/Check']) {
      const answer = await raw(other, await signed(other));
      expect(answer).toMatchObject({ code: status.UNIMPLEMENTED });
    }
  });

  test('the service asks to leave a stream whose access key has ended', async () => {
    const UserName = 'leaving';
    const credentials = await accessKeyOf(UserName);
    const held = new HeldCredentials(credentials);
    const trust = trustIn(ca, running.pki.trustDomain);
    const { pipeline } = KmsServiceService;
    const client = new Client(running.kmsCredentialsAddress, channelCredentials(trust, 'kms-service'));
    const stream = client.makeBidiStreamRequest(
      pipeline.path,
      pipeline.requestSerialize,
      pipeline.responseDeserialize,
      { credentials: signedCalls(held, 'us-east-1', running.kmsCredentialsAddress) },
    );
    const frames = stream[Symbol.asyncIterator]() as AsyncIterator<PipelineResponse>;
    const ask = (id: number) => {
      const operation = { $case: 'describeKey' as const, value: { keyId, grantTokens: [] } };
      const call = { id, deadlineMs: 5_000, context: undefined, traceParent: '', operation };
      stream.write({ calls: [call], cancels: [], drain: false });
    };
    ask(1);
    expect((await frames.next()).value).toMatchObject({
      results: [{ outcome: { $case: 'describeKey' } }],
      drain: false,
    });
    const key = { UserName, AccessKeyId: credentials.accessKeyId };
    await iam.send(new IAM.UpdateAccessKeyCommand({ ...key, Status: 'Inactive' }));
    ask(2);
    expect((await frames.next()).value).toMatchObject({
      results: [{ id: 2, outcome: { $case: 'error', value: { code: 'UnrecognizedClient' } } }],
      drain: true,
    });
    stream.end();
    client.close();
    held.close();
  });

  test('a context in a frame is refused', async () => {
    const trust = trustIn(ca, running.pki.trustDomain);
    const { pipeline } = KmsServiceService;
    const held = new HeldCredentials(running.credentials);
    const client = new Client(running.kmsCredentialsAddress, channelCredentials(trust, 'kms-service'));
    const stream = client.makeBidiStreamRequest(
      pipeline.path,
      pipeline.requestSerialize,
      pipeline.responseDeserialize,
      {
        credentials: signedCalls(held, 'us-east-1', running.kmsCredentialsAddress),
      },
    );
    const context = {
      principal: {
        type: PrincipalType.PRINCIPAL_TYPE_ROOT,
        arn: 'arn:aws:iam::000000000000:root',
        uniqueId: '',
        account: '000000000000',
        userName: '',
      },
      ...{
        accessKeyId: '',
        session: undefined,
        sourceIp: '',
        userAgent: '',
        tls: undefined,
        viaService: '',
        requestId: '',
      },
    };
    const operation = { $case: 'describeKey' as const, value: { keyId, grantTokens: [] } };
    const answer = new Promise((resolve, reject) => stream.once('data', resolve).once('error', reject));
    stream.write({
      calls: [{ id: 1, deadlineMs: 5_000, context, traceParent: '', operation }],
      cancels: [],
      drain: false,
    });
    expect(await answer).toMatchObject({ results: [{ outcome: { $case: 'error', value: { code: 'AccessDenied' } } }] });
    stream.end();
    client.close();
    held.close();
  });
});
