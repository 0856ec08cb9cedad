import { Agent } from 'node:http';
import type { LookupFunction } from 'node:net';
import { CreateAccessKeyCommand, CreateUserCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { GetObjectCommandInput, PutObjectCommandInput } from '@aws-sdk/client-s3';
import { cluster } from '@keystead/testing/cluster';
import type { Cluster } from '@keystead/testing/cluster';

export const Bucket = 'bucket-one';

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** How a client of S3 is to be made; as the administrator on the gateway's own port by default. */
interface S3Options {
  readonly credentials?: Credentials;
  readonly endpoint?: string;
  readonly forcePathStyle?: boolean;
}

/** The whole cluster with a bucket and clients. */
export interface System extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly s3: S3Client;
  readonly kms: KMSClient;
  client(options?: S3Options): S3Client;
  /** Makes a user with one inline policy and answers its access key. */
  user(name: string, statements: readonly object[]): Promise<Credentials>;
  /** CloudTrail records of an operation, oldest first; of one object when a key is given. */
  records(eventName: string, key?: string): Promise<AuditedCall[]>;
}

/** The members of a CloudTrail record that tests look at. */
export interface AuditedCall {
  readonly eventName: string;
  readonly eventCategory: string;
  readonly errorCode?: string;
  readonly requestID: string;
  readonly requestParameters: Readonly<Record<string, unknown>> | null;
  readonly additionalEventData?: Readonly<Record<string, unknown>>;
  readonly userIdentity: Readonly<Record<string, unknown>>;
}

export async function system(gatewayEnv: Readonly<Record<string, string>> = {}): Promise<System> {
  const booted = await cluster({ env: { 'object-store-gateway': gatewayEnv } });
  const client = (options: S3Options = {}): S3Client =>
    new S3Client({
      ...booted.clientConfig,
      endpoint: booted.s3Endpoint,
      maxAttempts: 1,
      // Names below localhost are this machine, whatever its resolver says.
      requestHandler: { httpAgent: new Agent({ keepAlive: true, lookup: loopback }) },
      ...options,
    });
  const s3 = client();
  await s3.send(new CreateBucketCommand({ Bucket })).catch(() => undefined);
  const iam = new IAMClient(booted.clientConfig);
  const journal = booted.database.adminPool('audit-service');
  return {
    cluster: booted,
    s3,
    client,
    kms: new KMSClient(booted.clientConfig),
    user: (name, statements) => makeUser(iam, name, statements),
    records: async (eventName, key) => {
      const text = 'select body from audit_leaf order by idx';
      const { rows } = await journal.query<{ body: Buffer }>(text);
      const all = rows.map(({ body }) => (JSON.parse(body.toString('utf8')) as { rec: AuditedCall }).rec);
      return all.filter(
        (call) => call.eventName === eventName && (key === undefined || call.requestParameters?.['key'] === key),
      );
    },
    [Symbol.asyncDispose]: () => booted[Symbol.asyncDispose](),
  };
}

const loopback: LookupFunction = (_name, options, done) => {
  if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
  else done(null, '127.0.0.1', 4);
};

async function makeUser(iam: IAMClient, UserName: string, Statement: readonly object[]): Promise<Credentials> {
  await iam.send(new CreateUserCommand({ UserName }));
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'inline', PolicyDocument }));
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }));
  return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
}

export async function put(s3: S3Client, Key: string, Body: Buffer | string, more: Partial<PutObjectCommandInput> = {}) {
  return s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
}

export async function get(s3: S3Client, Key: string, more: Partial<GetObjectCommandInput> = {}): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}
