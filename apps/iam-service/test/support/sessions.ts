import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import * as IAM from '@aws-sdk/client-iam';
import * as KMS from '@aws-sdk/client-kms';
import * as S3 from '@aws-sdk/client-s3';
import * as STS from '@aws-sdk/client-sts';
import type { Cluster } from '@keystead/testing/cluster';

export interface Config extends Omit<Cluster['clientConfig'], 'credentials'> {
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}
export type Statement = Record<string, unknown>;

export const home = '000000000000';
export const rootOf = (account: string) => `arn:aws:iam::${account}:root`;
export const policy = (...Statement: Statement[]) => JSON.stringify({ Version: '2012-10-17', Statement });
export const allow = (Action: string | string[], more: Statement = {}): Statement => ({
  ...{ Effect: 'Allow', Action, Resource: '*' },
  ...more,
});
export const trusts = (Principal: unknown, more: Statement = {}): string =>
  policy({ Effect: 'Allow', Principal, Action: 'sts:AssumeRole', ...more });

export const once = { maxAttempts: 1 };
export const iam = (config: Config) => new IAM.IAMClient({ ...config, ...once });
export const sts = (config: Config) => new STS.STSClient({ ...config, ...once });
export const kms = (config: Config) => new KMS.KMSClient({ ...config, ...once });
export const s3 = (config: Config) => new S3.S3Client({ ...config, ...once });

/** A user with an access key and one inline policy. */
export async function userOf(config: Config, UserName: string, rights: Statement): Promise<Config> {
  const client = iam(config);
  await client.send(new IAM.CreateUserCommand({ UserName }));
  const PolicyDocument = policy(rights);
  await client.send(new IAM.PutUserPolicyCommand({ UserName, PolicyName: 'rights', PolicyDocument }));
  const { AccessKey } = await client.send(new IAM.CreateAccessKeyCommand({ UserName }));
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
  return { ...config, credentials: { accessKeyId, secretAccessKey } };
}

/** A role with one inline policy. */
export async function roleOf(
  config: Config,
  RoleName: string,
  AssumeRolePolicyDocument: string,
  rights?: Statement,
  more: object = {},
) {
  const client = iam(config);
  const { Role } = await client.send(new IAM.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument, ...more }));
  if (rights) {
    const PolicyDocument = policy(rights);
    await client.send(new IAM.PutRolePolicyCommand({ RoleName, PolicyName: 'rights', PolicyDocument }));
  }
  return Role?.Arn ?? '';
}

export function configOf(config: Config, { Credentials }: { Credentials?: STS.Credentials | undefined }): Config {
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '', SessionToken } = Credentials ?? {};
  const credentials = { accessKeyId, secretAccessKey, sessionToken: SessionToken ?? '' };
  return { ...config, credentials };
}

export type AssumeOptions = Partial<STS.AssumeRoleCommandInput>;

export const assume = (config: Config, RoleArn: string, more: AssumeOptions = {}) =>
  sts(config).send(new STS.AssumeRoleCommand({ RoleArn, RoleSessionName: 'session', ...more }));

/** The name of the error that a call ends with, its status and its message. */
export async function refusal(call: Promise<unknown>) {
  try {
    await call;
  } catch (error) {
    const { name, message, $metadata } = error as STS.STSServiceException;
    return { name, status: $metadata.httpStatusCode, message };
  }
  throw new Error('the call was not refused');
}

export const identity = (config: Config) => sts(config).send(new STS.GetCallerIdentityCommand());
export const encrypt = (config: Config, KeyId: string) =>
  kms(config).send(new KMS.EncryptCommand({ KeyId, Plaintext: Buffer.from('x') }));

export async function keyWith(config: Config, statements: Statement[] = []): Promise<string> {
  const Policy = policy(
    { Effect: 'Allow', Principal: { AWS: rootOf(home) }, Action: 'kms:*', Resource: '*' },
    ...statements,
  );
  const { KeyMetadata } = await kms(config).send(new KMS.CreateKeyCommand({ Policy }));
  return KeyMetadata?.Arn ?? '';
}

/** A key whose policy says nothing of the account's own policies. */
export async function closedKey(config: Config, statement: Statement): Promise<string> {
  const administrator = `arn:aws:iam::${home}:user/administrator`;
  const Policy = policy(
    { Effect: 'Allow', Principal: { AWS: administrator }, Action: 'kms:*', Resource: '*' },
    { Effect: 'Allow', Resource: '*', ...statement },
  );
  const { KeyMetadata } = await kms(config).send(new KMS.CreateKeyCommand({ Policy }));
  return KeyMetadata?.Arn ?? '';
}

export async function events(config: Config, AttributeValue: string) {
  const client = new CloudTrailClient({ ...config, ...once });
  const LookupAttributes = [{ AttributeKey: 'EventName' as const, AttributeValue }];
  const { Events = [] } = await client.send(new LookupEventsCommand({ LookupAttributes }));
  return Events.map(({ CloudTrailEvent = '' }) => JSON.parse(CloudTrailEvent) as Record<string, never>);
}
