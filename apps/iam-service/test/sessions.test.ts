import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import * as IAM from '@aws-sdk/client-iam';
import * as KMS from '@aws-sdk/client-kms';
import * as S3 from '@aws-sdk/client-s3';
import * as STS from '@aws-sdk/client-sts';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { cluster, type Cluster } from '@keystead/testing/cluster';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operator, type Operator } from './support/operator.js';

interface Config extends Omit<Cluster['clientConfig'], 'credentials'> {
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
}
type Statement = Record<string, unknown>;

const home = '000000000000';
const rootOf = (account: string) => `arn:aws:iam::${account}:root`;
const policy = (...Statement: Statement[]) => JSON.stringify({ Version: '2012-10-17', Statement });
const allow = (Action: string | string[], more: Statement = {}): Statement => ({
  ...{ Effect: 'Allow', Action, Resource: '*' },
  ...more,
});
const trusts = (Principal: unknown, more: Statement = {}): string =>
  policy({ Effect: 'Allow', Principal, Action: 'sts:AssumeRole', ...more });

let world: Cluster;
let cli: Operator;
let foreign: Config;
let user: Config;

const once = { maxAttempts: 1 };
const iam = (config: Config) => new IAM.IAMClient({ ...config, ...once });
const sts = (config: Config) => new STS.STSClient({ ...config, ...once });
const kms = (config: Config) => new KMS.KMSClient({ ...config, ...once });
const s3 = (config: Config) => new S3.S3Client({ ...config, ...once });

/** A user with an access key and one inline policy. */
async function userOf(config: Config, UserName: string, rights: Statement): Promise<Config> {
  const client = iam(config);
  await client.send(new IAM.CreateUserCommand({ UserName }));
  const PolicyDocument = policy(rights);
  await client.send(new IAM.PutUserPolicyCommand({ UserName, PolicyName: 'rights', PolicyDocument }));
  const { AccessKey } = await client.send(new IAM.CreateAccessKeyCommand({ UserName }));
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '' } = AccessKey ?? {};
  return { ...config, credentials: { accessKeyId, secretAccessKey } };
}

/** A role with one inline policy. */
async function roleOf(RoleName: string, AssumeRolePolicyDocument: string, rights?: Statement, more: object = {}) {
  const client = iam(world.clientConfig);
  const { Role } = await client.send(new IAM.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument, ...more }));
  if (rights) {
    const PolicyDocument = policy(rights);
    await client.send(new IAM.PutRolePolicyCommand({ RoleName, PolicyName: 'rights', PolicyDocument }));
  }
  return Role?.Arn ?? '';
}

function configOf({ Credentials }: { Credentials?: STS.Credentials | undefined }): Config {
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '', SessionToken } = Credentials ?? {};
  const credentials = { accessKeyId, secretAccessKey, sessionToken: SessionToken ?? '' };
  return { ...world.clientConfig, credentials };
}

type AssumeOptions = Partial<STS.AssumeRoleCommandInput>;

const assume = (config: Config, RoleArn: string, more: AssumeOptions = {}) =>
  sts(config).send(new STS.AssumeRoleCommand({ RoleArn, RoleSessionName: 'session', ...more }));

/** The name of the error that a call ends with, its status and its message. */
async function refusal(call: Promise<unknown>) {
  try {
    await call;
  } catch (error) {
    const { name, message, $metadata } = error as STS.STSServiceException;
    return { name, status: $metadata.httpStatusCode, message };
  }
  throw new Error('the call was not refused');
}

const identity = (config: Config) => sts(config).send(new STS.GetCallerIdentityCommand());
const encrypt = (config: Config, KeyId: string) =>
  kms(config).send(new KMS.EncryptCommand({ KeyId, Plaintext: Buffer.from('x') }));

async function keyWith(statements: Statement[] = []): Promise<string> {
  const Policy = policy(
    { Effect: 'Allow', Principal: { AWS: rootOf(home) }, Action: 'kms:*', Resource: '*' },
    ...statements,
  );
  const { KeyMetadata } = await kms(world.clientConfig).send(new KMS.CreateKeyCommand({ Policy }));
  return KeyMetadata?.Arn ?? '';
}

/** A key whose policy says nothing of the account's own policies. */
async function closedKey(statement: Statement): Promise<string> {
  const administrator = `arn:aws:iam::${home}:user/administrator`;
  const Policy = policy(
    { Effect: 'Allow', Principal: { AWS: administrator }, Action: 'kms:*', Resource: '*' },
    { Effect: 'Allow', Resource: '*', ...statement },
  );
  const { KeyMetadata } = await kms(world.clientConfig).send(new KMS.CreateKeyCommand({ Policy }));
  return KeyMetadata?.Arn ?? '';
}

async function events(config: Config, AttributeValue: string) {
  const client = new CloudTrailClient({ ...config, ...once });
  const LookupAttributes = [{ AttributeKey: 'EventName' as const, AttributeValue }];
  const { Events = [] } = await client.send(new LookupEventsCommand({ LookupAttributes }));
  return Events.map(({ CloudTrailEvent = '' }) => JSON.parse(CloudTrailEvent) as Record<string, never>);
}

beforeAll(async () => {
  world = await cluster();
  cli = await operator(world);
  const other = await cli.enter('222233334444');
  foreign = await userOf(other.clientConfig, 'visitor', allow('sts:*'));
  user = await userOf(world.clientConfig, 'caller', allow('sts:*'));
});

afterAll(async () => {
  cli[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
});

describe('AssumeRole', () => {
  test('makes a session that is somebody, may what its role may, and is recorded as such', async () => {
    const role = await roleOf('admin', trusts({ AWS: rootOf(home) }), allow(['kms:*', 'cloudtrail:LookupEvents']));
    const answer = await assume(user, role);
    expect(answer.Credentials?.AccessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    const left = (answer.Credentials?.Expiration?.getTime() ?? 0) - Date.now();
    expect(left).toBeGreaterThan(3_500_000);
    expect(left).toBeLessThanOrEqual(3_600_000);
    const { AssumedRoleUser } = answer;
    const arn = `arn:aws:sts::${home}:assumed-role/admin/session`;
    expect(AssumedRoleUser?.Arn).toBe(arn);
    expect(AssumedRoleUser?.AssumedRoleId).toMatch(/^AROA[A-Z2-7]{17}:session$/);
    expect(answer).not.toHaveProperty('PackedPolicySize');
    const session = configOf(answer);
    const { AssumedRoleId: UserId } = AssumedRoleUser ?? {};
    expect(await identity(session)).toMatchObject({ Arn: arn, Account: home, UserId });
    const info = new STS.GetAccessKeyInfoCommand({ AccessKeyId: answer.Credentials?.AccessKeyId ?? '' });
    expect((await sts(user).send(info)).Account).toBe(home);
    await encrypt(session, await keyWith());
    const refused = await refusal(iam(session).send(new IAM.ListUsersCommand()));
    expect(refused).toMatchObject({ name: 'AccessDenied', status: 403 });
    expect(refused.message).toContain(`User: ${arn} is not authorized to perform: iam:ListUsers`);
    expect(await refusal(iam(session).send(new IAM.GetUserCommand()))).toMatchObject({ status: 400 });

    const [made] = await events(session, 'AssumeRole');
    expect(made).toMatchObject({
      readOnly: true,
      requestParameters: { roleArn: role, roleSessionName: 'session' },
      responseElements: { assumedRoleUser: { arn }, credentials: { accessKeyId: answer.Credentials?.AccessKeyId } },
      userIdentity: { type: 'IAMUser', userName: 'caller' },
    });
    expect(JSON.stringify(made)).not.toContain(answer.Credentials?.SessionToken);
    expect(JSON.stringify(made)).not.toContain(answer.Credentials?.SecretAccessKey);
    const [used] = await events(session, 'Encrypt');
    expect(used?.['userIdentity']).toMatchObject({
      type: 'AssumedRole',
      arn,
      accessKeyId: answer.Credentials?.AccessKeyId,
      sessionContext: { sessionIssuer: { type: 'Role', arn: role, userName: 'admin', accountId: home } },
    });
  });

  test('asks the trust policy, and the caller when it trusts the account', async () => {
    const mute = await userOf(world.clientConfig, 'mute', allow('kms:*'));
    const toAccount = await roleOf('to-account', trusts({ AWS: rootOf(home) }));
    const toUser = await roleOf('to-user', trusts({ AWS: `arn:aws:iam::${home}:user/mute` }));
    const message = `User: arn:aws:iam::${home}:user/mute is not authorized to perform: sts:AssumeRole on resource: ${toAccount} because no identity-based policy allows the sts:AssumeRole action`;
    expect(await refusal(assume(mute, toAccount))).toEqual({ name: 'AccessDenied', status: 403, message });
    await assume(mute, toUser);
    // Trusted by name, but not this one.
    expect((await refusal(assume(user, toUser))).name).toBe('AccessDenied');
    const nowhere = toUser.replace('to-user', 'nowhere');
    expect((await refusal(assume(user, nowhere))).message).toContain('is not authorized to perform: sts:AssumeRole');
    const why = async (config: Config, role: string) =>
      (await refusal(assume(config, role))).message.replace(/^.* on resource: \S+ /, '');
    // Whether a role is not there or trusts others, and to whom, is no affair of the caller.
    const untrusted = 'because no role trust policy allows the sts:AssumeRole action';
    expect(await why(user, toUser)).toBe(untrusted);
    expect(await why(user, nowhere)).toBe(untrusted);
    expect(await why(foreign, toUser)).toBe(untrusted);
    expect(await why(foreign, nowhere)).toBe(untrusted);
    expect(await why(mute, nowhere)).toBe('because no identity-based policy allows the sts:AssumeRole action');
    const everybody = { Principal: { AWS: '*' }, Action: 'sts:AssumeRole' };
    const barred = await roleOf('barred', policy({ Effect: 'Allow', ...everybody }, { Effect: 'Deny', ...everybody }));
    expect(await why(user, barred)).toBe('with an explicit deny in the role trust policy');
    expect(await why(foreign, barred)).toBe(untrusted);
    const kept = await userOf(world.clientConfig, 'kept', { ...allow('sts:AssumeRole'), Effect: 'Deny' });
    expect(await why(kept, nowhere)).toBe('with an explicit deny in an identity-based policy');
    const rootKeys = await cli.enter('333344445555');
    const theirs = await refusal(assume(rootKeys.clientConfig, toAccount));
    expect(theirs.message).toBe('Roles may not be assumed by root accounts.');
  });

  test('reaches across accounts when both sides allow it, with the external id that was agreed', async () => {
    const condition = { Condition: { StringEquals: { 'sts:ExternalId': 'agreed' } } };
    const role = await roleOf('for-visitors', trusts({ AWS: rootOf('222233334444') }, condition), allow('kms:*'));
    expect((await refusal(assume(foreign, role))).name).toBe('AccessDenied');
    expect((await refusal(assume(foreign, role, { ExternalId: 'guessed' }))).name).toBe('AccessDenied');
    const session = configOf(await assume(foreign, role, { ExternalId: 'agreed' }));
    expect((await identity(session)).Account).toBe(home);
    // The caller's own account must allow it too, even where the role names the user.
    const mute = await userOf((await cli.enter('444455556666')).clientConfig, 'mute', allow('kms:*'));
    const named = await roleOf('for-mute', trusts({ AWS: 'arn:aws:iam::444455556666:user/mute' }));
    expect((await refusal(assume(mute, named))).name).toBe('AccessDenied');
    // Both accounts have a record, and know that it is one call.
    const administrator = world.clientConfig;
    const ours = (await events(administrator, 'AssumeRole')).find((event) => 'sharedEventID' in event);
    expect(ours).toMatchObject({
      recipientAccountId: home,
      userIdentity: { type: 'AWSAccount', accountId: '222233334444' },
    });
  });

  test('refuses what STS refuses', async () => {
    const role = await roleOf('strict', trusts({ AWS: rootOf(home) }), undefined, { MaxSessionDuration: 7200 });
    const refused = (more: AssumeOptions) => refusal(assume(user, role, more));
    expect(await refused({ DurationSeconds: 899 })).toMatchObject({
      name: 'ValidationError',
      message:
        "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
    });
    expect(await refused({ DurationSeconds: 7201 })).toMatchObject({
      name: 'ValidationError',
      message: 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    });
    expect((await refused({ RoleSessionName: 'no spaces' })).name).toBe('ValidationError');
    expect(await refused({ Policy: '{' })).toMatchObject({ name: 'MalformedPolicyDocumentException', status: 400 });
    expect(
      (await refused({ Policy: policy(allow('kms:*', { Resource: `arn:aws:kms:::${'x'.repeat(2_048)}` })) })).name,
    ).toBe('ValidationError');
    const PolicyArns = Array.from({ length: 11 }, () => ({ arn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }));
    expect((await refused({ PolicyArns })).name).toBe('ValidationError');
    expect((await refused({ TransitiveTagKeys: ['absent'] })).name).toBe('InvalidParameterValue');
    const random = Array.from({ length: 50 }, (_, i) => ({
      Key: `k${String(i)}`,
      Value: Array.from({ length: 6 }, () => crypto.randomUUID()).join(''),
    }));
    const tagged = await roleOf(
      'tagged',
      trusts({ AWS: rootOf(home) }, { Action: ['sts:AssumeRole', 'sts:TagSession'] }),
    );
    expect(await refusal(assume(user, tagged, { Tags: random }))).toMatchObject({
      name: 'PackedPolicyTooLargeException',
    });
    expect((await refused({ SerialNumber: 'arn:aws:iam::1:mfa/x', TokenCode: '123456' })).name).toBe('AccessDenied');
  });
});

describe('policies of a session', () => {
  test('cap it, several together', async () => {
    const role = await roleOf('capped', trusts({ AWS: rootOf(home) }), allow(['kms:*', 's3:*', 'iam:*']));
    const { Policy } = await iam(world.clientConfig).send(
      new IAM.CreatePolicyCommand({ PolicyName: 'lists', PolicyDocument: policy(allow('iam:ListUsers')) }),
    );
    const answer = await assume(user, role, {
      Policy: policy(allow('kms:Encrypt')),
      PolicyArns: [{ arn: Policy?.Arn ?? '' }],
    });
    expect(answer).toHaveProperty('PackedPolicySize');
    const session = configOf(answer);
    const key = await keyWith();
    await encrypt(session, key);
    await iam(session).send(new IAM.ListUsersCommand());
    const refused = await refusal(kms(session).send(new KMS.DescribeKeyCommand({ KeyId: key })));
    expect(refused).toMatchObject({ name: 'AccessDeniedException' });
    expect(refused.message).toContain('because no session policy allows the kms:DescribeKey action');
    expect((await refusal(iam(session).send(new IAM.ListRolesCommand()))).name).toBe('AccessDenied');
    expect((await refusal(s3(session).send(new S3.ListBucketsCommand()))).name).toBe('AccessDenied');
  });

  test('limit a key policy that names the role, but not one that names the session', async () => {
    const boundary = 'arn:aws:iam::aws:policy/IAMReadOnlyAccess';
    const role = await roleOf('bounded', trusts({ AWS: rootOf(home) }), undefined, { PermissionsBoundary: boundary });
    const plain = await roleOf('plain', trusts({ AWS: rootOf(home) }));
    const session = 'arn:aws:sts::000000000000:assumed-role/bounded/session';
    const namesRole = await closedKey({ Principal: { AWS: [role, plain] }, Action: 'kms:Encrypt' });
    const namesSession = await closedKey({ Principal: { AWS: session }, Action: 'kms:Encrypt' });
    const limited = configOf(await assume(user, role));
    expect((await refusal(encrypt(limited, namesRole))).message).toContain('no permissions boundary allows');
    await encrypt(limited, namesSession);
    const free = configOf(await assume(user, plain));
    await encrypt(free, namesRole);
    const capped = configOf(await assume(user, plain, { Policy: policy(allow('s3:*')) }));
    expect((await refusal(encrypt(capped, namesRole))).message).toContain('no session policy allows');
    const another = configOf(await assume(user, role, { RoleSessionName: 'another' }));
    expect((await refusal(encrypt(another, namesSession))).name).toBe('AccessDeniedException');
  });

  test('a grant to a role is its sessions’, within their limits', async () => {
    const role = await roleOf('granted', trusts({ AWS: rootOf(home) }));
    const key = await closedKey({ Principal: { AWS: rootOf('222233334444') }, Action: 'kms:DescribeKey' });
    const Operations: KMS.GrantOperation[] = ['Encrypt'];
    const grant = new KMS.CreateGrantCommand({ KeyId: key, GranteePrincipal: role, Operations });
    await kms(world.clientConfig).send(grant);
    await encrypt(configOf(await assume(user, role)), key);
    const capped = configOf(await assume(user, role, { Policy: policy(allow('s3:*')) }));
    expect((await refusal(encrypt(capped, key))).name).toBe('AccessDeniedException');
  });

  test('a role made again has nothing of what the old one was trusted with', async () => {
    const document = trusts({ AWS: rootOf(home) });
    const role = await roleOf('again', document);
    const key = await closedKey({ Principal: { AWS: role }, Action: 'kms:Encrypt' });
    await encrypt(configOf(await assume(user, role)), key);
    await iam(world.clientConfig).send(new IAM.DeleteRoleCommand({ RoleName: 'again' }));
    await roleOf('again', document);
    expect((await refusal(encrypt(configOf(await assume(user, role)), key))).name).toBe('AccessDeniedException');
  });
});

describe('tags and source identity', () => {
  const tagging = { Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'] };

  test('are principal tags, and go along a chain where they are transitive', async () => {
    const onTeam = { Condition: { StringEquals: { 'aws:PrincipalTag/team': 'blue' } } };
    const first = await roleOf('first', trusts({ AWS: rootOf(home) }, tagging), allow(['sts:*']));
    const rights = allow('kms:*', {
      Condition: { StringEquals: { 'aws:PrincipalTag/Team': 'blue', 'aws:SourceIdentity': 'ann' } },
    });
    const second = await roleOf('second', trusts({ AWS: first }, { ...tagging, ...onTeam }), rights, {
      Tags: [{ Key: 'team', Value: 'red' }],
      MaxSessionDuration: 43_200,
    });
    const Tags = [
      { Key: 'Team', Value: 'blue' },
      { Key: 'Cost', Value: '7' },
    ];
    const untagged = configOf(await assume(user, first));
    expect((await refusal(assume(untagged, second))).name).toBe('AccessDenied');
    const answer = await assume(user, first, { Tags, TransitiveTagKeys: ['Team'], SourceIdentity: 'ann' });
    expect(answer.SourceIdentity).toBe('ann');
    const tagged = configOf(answer);
    const chained = await assume(tagged, second);
    await encrypt(configOf(chained), await keyWith());
    const overridden = { Tags: [{ Key: 'team', Value: 'green' }] };
    expect((await refusal(assume(tagged, second, overridden))).name).toBe('InvalidParameterValue');
    expect((await refusal(assume(tagged, second, { SourceIdentity: 'bob' }))).name).toBe('AccessDenied');
    expect((await refusal(assume(tagged, second, { DurationSeconds: 3601 }))).message).toBe(
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    );
  });

  test('are tags of the request, though the calling session has some of the same name', async () => {
    const first = await roleOf('forgetful', trusts({ AWS: rootOf(home) }, tagging), allow(['sts:*']));
    const refuses = { Effect: 'Deny', Principal: '*', Action: 'sts:*' };
    const isAdmin = { Condition: { StringEquals: { 'aws:RequestTag/Team': 'admin' } } };
    const trust = policy({ Effect: 'Allow', Principal: { AWS: first }, ...tagging }, { ...refuses, ...isAdmin });
    const second = await roleOf('no-admins', trust);
    const team = (Value: string) => ({ Tags: [{ Key: 'Team', Value }] });
    const tagged = configOf(await assume(user, first, team('blue')));
    await assume(tagged, second, team('red'));
    expect((await refusal(assume(tagged, second, team('admin')))).name).toBe('AccessDenied');
  });

  test('need their own permissions', async () => {
    const role = await roleOf('tagless', trusts({ AWS: rootOf(home) }));
    const Tags = [{ Key: 'Team', Value: 'blue' }];
    expect((await refusal(assume(user, role, { Tags }))).message).toContain('sts:TagSession');
    expect((await refusal(assume(user, role, { SourceIdentity: 'ann' }))).message).toContain('sts:SetSourceIdentity');
  });
});

describe('the session token', () => {
  test('must come with every request, and be the right one', async () => {
    const role = await roleOf('token', trusts({ AWS: rootOf(home) }), allow(['kms:*', 's3:*']));
    const session = configOf(await assume(user, role));
    const key = await keyWith();
    const { accessKeyId, secretAccessKey } = session.credentials;
    const without = { ...session, credentials: { accessKeyId, secretAccessKey } };
    const wrong = { ...session, credentials: { accessKeyId, secretAccessKey, sessionToken: 'wrong' } };
    const longTerm = { ...user, credentials: { ...user.credentials, sessionToken: 'any' } };
    for (const config of [without, wrong, longTerm]) {
      expect(await refusal(identity(config))).toMatchObject({ name: 'InvalidClientTokenId', status: 403 });
      expect((await refusal(encrypt(config, key))).name).toBe('UnrecognizedClientException');
    }
    const list = (config: Config) => s3(config).send(new S3.ListBucketsCommand());
    await list(session);
    expect((await refusal(list(without))).name).toBe('InvalidAccessKeyId');
    expect((await refusal(list(wrong))).name).toBe('InvalidToken');
    expect((await refusal(list(longTerm))).name).toBe('InvalidToken');
    const Bucket = 'sessions';
    await s3(session).send(new S3.CreateBucketCommand({ Bucket }));
    await s3(session).send(new S3.PutObjectCommand({ Bucket, Key: 'k', Body: 'v' }));
    const url = await getSignedUrl(s3(session), new S3.GetObjectCommand({ Bucket, Key: 'k' }));
    expect(await (await fetch(url)).text()).toBe('v');
    expect((await fetch(url.replace(/X-Amz-Security-Token=[^&]+/, 'X-Amz-Security-Token=other'))).status).toBe(400);
  });

  test('is of no use once the session has ended', async () => {
    const role = await roleOf('brief', trusts({ AWS: rootOf(home) }), allow(['kms:*', 's3:*']));
    const session = configOf(await assume(user, role));
    const key = await keyWith();
    const pool = world.database.adminPool('iam-service');
    const { accessKeyId } = session.credentials;
    const end = new Date(Date.now() + 2_500);
    await pool.query('update session set expires_at = $2 where access_key_id = $1', [accessKeyId, end]);
    // Its key is in every memory by now, and nobody will be told that it is void.
    await encrypt(session, key);
    await s3(session).send(new S3.ListBucketsCommand());
    await new Promise((resolve) => setTimeout(resolve, end.getTime() - Date.now() + 10));
    expect(await refusal(identity(session))).toMatchObject({ name: 'ExpiredToken', status: 403 });
    expect((await refusal(encrypt(session, key))).name).toBe('ExpiredTokenException');
    expect((await refusal(s3(session).send(new S3.ListBucketsCommand()))).name).toBe('ExpiredToken');
    const { rows } = await pool.query<Record<string, unknown>>('select * from session where access_key_id = $1', [
      accessKeyId,
    ]);
    expect(JSON.stringify(rows)).not.toContain(String(session.credentials.sessionToken));
  });
});

describe('a session ends at once', () => {
  test('when its role loses a policy, is denied older tokens, or is deleted', async () => {
    const client = iam(world.clientConfig);
    const RoleName = 'revoked';
    const role = await roleOf(RoleName, trusts({ AWS: rootOf(home) }), allow('kms:*'));
    const session = configOf(await assume(user, role));
    const key = await keyWith();
    await encrypt(session, key);
    const older = { Condition: { DateLessThan: { 'aws:TokenIssueTime': new Date(Date.now() + 1).toISOString() } } };
    const PolicyDocument = policy({ Effect: 'Deny', Action: '*', Resource: '*', ...older });
    await client.send(new IAM.PutRolePolicyCommand({ RoleName, PolicyName: 'revoke', PolicyDocument }));
    expect((await refusal(encrypt(session, key))).message).toContain('explicit deny');
    const newer = configOf(await assume(user, role));
    await encrypt(newer, key);
    await client.send(new IAM.DeleteRolePolicyCommand({ RoleName, PolicyName: 'revoke' }));
    await encrypt(session, key);
    await client.send(new IAM.DeleteRolePolicyCommand({ RoleName, PolicyName: 'rights' }));
    expect((await refusal(encrypt(newer, key))).name).toBe('AccessDeniedException');
    await client.send(new IAM.DeleteRoleCommand({ RoleName }));
    expect((await refusal(identity(session))).name).toBe('InvalidClientTokenId');
  });

  test('under load: no call is allowed after the deletion was acknowledged', async () => {
    const RoleName = 'loaded';
    const role = await roleOf(RoleName, trusts({ AWS: rootOf(home) }), allow('kms:*'));
    const session = configOf(await assume(user, role));
    const key = await keyWith();
    const client = kms(session);
    const command = () => new KMS.EncryptCommand({ KeyId: key, Plaintext: Buffer.from('x') });
    let stopped = false;
    let acknowledged = Infinity;
    let allowed = 0;
    let late = 0;
    const work = async () => {
      while (!stopped) {
        const begun = performance.now();
        const ok = await client.send(command()).then(
          () => true,
          () => false,
        );
        if (ok) allowed++;
        if (ok && begun > acknowledged) late++;
      }
    };
    const workers = Array.from({ length: 8 }, () => work());
    await new Promise((resolve) => setTimeout(resolve, 300));
    await iam(world.clientConfig).send(new IAM.DeleteRolePolicyCommand({ RoleName, PolicyName: 'rights' }));
    acknowledged = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 300));
    stopped = true;
    await Promise.all(workers);
    expect(allowed).toBeGreaterThan(0);
    expect(late).toBe(0);
  });
});

describe('GetSessionToken', () => {
  test('makes temporary credentials of a user, for everything but IAM and STS', async () => {
    const own = await userOf(world.clientConfig, 'temporary', allow(['kms:*', 'iam:*', 'sts:*']));
    const answer = await sts(own).send(new STS.GetSessionTokenCommand({ DurationSeconds: 900 }));
    const session = configOf(answer);
    expect((await identity(session)).Arn).toBe(`arn:aws:iam::${home}:user/temporary`);
    const key = await closedKey({ Principal: { AWS: `arn:aws:iam::${home}:user/temporary` }, Action: 'kms:Encrypt' });
    await encrypt(session, key);
    expect((await refusal(iam(session).send(new IAM.ListUsersCommand()))).name).toBe('InvalidClientTokenId');
    expect((await refusal(sts(session).send(new STS.GetSessionTokenCommand()))).message).toBe(
      'Cannot call GetSessionToken with session credentials',
    );
    const role = await roleOf('after-token', trusts({ AWS: rootOf(home) }));
    await assume(session, role);
    const long = new STS.GetSessionTokenCommand({ DurationSeconds: 129_601 });
    expect((await refusal(sts(own).send(long))).name).toBe('ValidationError');
    const client = iam(world.clientConfig);
    await client.send(new IAM.DeleteUserPolicyCommand({ UserName: 'temporary', PolicyName: 'rights' }));
    const AccessKeyId = own.credentials.accessKeyId;
    await client.send(new IAM.DeleteAccessKeyCommand({ UserName: 'temporary', AccessKeyId }));
    await client.send(new IAM.DeleteUserCommand({ UserName: 'temporary' }));
    expect((await refusal(encrypt(session, key))).name).toBe('UnrecognizedClientException');
  });
});

describe('AssumeRoleWithWebIdentity', () => {
  const audience = 'sts.amazonaws.com';
  const subject = 'system:serviceaccount:apps:worker';
  let issuer: string;
  let close: () => void;
  let asked = 0;
  let sign: (claims?: JWTPayload, more?: { alg?: string; kid?: string; expires?: string }) => Promise<string>;

  beforeAll(async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const { privateKey: stranger } = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
    const server = createServer((request, response) => {
      asked++;
      const documents: Record<string, object> = {
        '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/keys` },
        '/keys': { keys: [jwk] },
      };
      const document = documents[request.url ?? ''];
      response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(document ?? {}));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    close = () => {
      server.closeAllConnections();
      server.close();
    };
    sign = (claims = {}, { kid = 'one', expires = '10m' } = {}) =>
      new SignJWT({ iss: issuer, sub: subject, aud: audience, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid })
        .setIssuedAt()
        .setExpirationTime(expires)
        .sign(claims['forged'] === true ? stranger : privateKey);
    const create = new IAM.CreateOpenIDConnectProviderCommand({ Url: issuer, ClientIDList: [audience] });
    await iam(world.clientConfig).send(create);
  });

  afterAll(() => close());

  const name = () => issuer.replace('http://', '');
  const provider = () => `arn:aws:iam::${home}:oidc-provider/${name()}`;
  const anonymous = () => new STS.STSClient({ endpoint: world.endpoint, region: world.clientConfig.region, ...once });
  const trust = (more: Statement = {}) =>
    policy({
      Effect: 'Allow',
      Principal: { Federated: provider() },
      Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'],
      Condition: { StringEquals: { [`${name()}:sub`]: subject, [`${name()}:aud`]: audience } },
      ...more,
    });
  const enter = (RoleArn: string, WebIdentityToken: string, more: object = {}) =>
    anonymous().send(
      new STS.AssumeRoleWithWebIdentityCommand({ RoleArn, RoleSessionName: 'pod', WebIdentityToken, ...more }),
    );

  test('opens a session for the bearer of a token, without a signature', async () => {
    const federated = { Condition: { StringEquals: { 'aws:FederatedProvider': provider() } } };
    const role = await roleOf('pods', trust(), allow('kms:*', federated));
    const answer = await enter(role, await sign());
    expect(answer).toMatchObject({
      SubjectFromWebIdentityToken: subject,
      Audience: audience,
      Provider: issuer,
      AssumedRoleUser: { Arn: `arn:aws:sts::${home}:assumed-role/pods/pod` },
    });
    await encrypt(configOf(answer), await keyWith());
    const denied = { Effect: 'Deny', Principal: '*', Action: 'kms:Encrypt', Resource: '*' };
    const closed = await keyWith([{ ...denied, Condition: { StringEquals: { [`${name()}:sub`]: subject } } }]);
    expect((await refusal(encrypt(configOf(answer), closed))).message).toContain('explicit deny');
    await enter(role, await sign());
    expect(asked).toBe(2); // discovery and keys, once
    const [event] = await events(world.clientConfig, 'AssumeRoleWithWebIdentity');
    expect(event).toMatchObject({
      userIdentity: { type: 'WebIdentityUser', userName: subject, identityProvider: provider() },
      requestParameters: { roleArn: role },
    });
    expect(JSON.stringify(event)).not.toContain('webIdentityToken');
    const used = (await events(world.clientConfig, 'Encrypt')).find(({ userIdentity }) =>
      JSON.stringify(userIdentity).includes('pods/pod'),
    );
    expect(used?.['userIdentity']).toMatchObject({
      sessionContext: { webIdFederationData: { federatedProvider: provider() } },
    });
  });

  test('takes tags from the token', async () => {
    const rights = allow('kms:*', { Condition: { StringEquals: { 'aws:PrincipalTag/Team': 'blue' } } });
    const role = await roleOf('tagged-pods', trust(), rights);
    const tags = { 'https://aws.amazon.com/tags': { principal_tags: { Team: ['blue'] } } };
    await encrypt(configOf(await enter(role, await sign(tags))), await keyWith());
    const plain = configOf(await enter(role, await sign()));
    expect((await refusal(encrypt(plain, await keyWith()))).name).toBe('AccessDeniedException');
  });

  test('refuses what does not prove anything', async () => {
    const role = await roleOf('wary', trust());
    const refused = async (token: string, arn = role) => refusal(enter(arn, token));
    expect(await refused('nonsense')).toMatchObject({ name: 'InvalidIdentityTokenException', status: 400 });
    expect((await refused(await sign({ forged: true }))).name).toBe('InvalidIdentityTokenException');
    expect((await refused(await sign({ aud: 'else' }))).message).toBe('Incorrect token audience');
    expect((await refused(await sign({ iss: 'https://elsewhere.example.com' }))).message).toBe(
      'No OpenIDConnect provider found in your account for https://elsewhere.example.com',
    );
    const expired = await refused(await sign({}, { expires: '-1m' }));
    expect(expired).toMatchObject({ name: 'ExpiredTokenException', status: 400 });
    const early = await refused(await sign({ nbf: Math.floor(Date.now() / 1000) + 600 }));
    expect(early.name).toBe('InvalidIdentityTokenException');
    expect((await refused(await sign({}, { kid: 'two' }))).name).toBe('InvalidIdentityTokenException');
    const none = [{ alg: 'none' }, { iss: issuer, sub: subject, aud: audience, iat: 1, exp: 4e9 }];
    const unsigned = `${none.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;
    expect((await refused(unsigned)).name).toBe('InvalidIdentityTokenException');
    const secret = new TextEncoder().encode('x'.repeat(32));
    const shared = new SignJWT({ iss: issuer, sub: subject, aud: audience }).setProtectedHeader({ alg: 'HS256' });
    const symmetric = await shared.setIssuedAt().setExpirationTime('1m').sign(secret);
    expect((await refused(symmetric)).name).toBe('InvalidIdentityTokenException');
    const other = await refused(await sign({ sub: 'system:serviceaccount:apps:other' }));
    const message = 'Not authorized to perform sts:AssumeRoleWithWebIdentity';
    expect(other).toEqual({ name: 'AccessDenied', status: 403, message });
    expect(await refused(await sign(), role.replace('wary', 'absent'))).toEqual(other);
    const users = await roleOf('users-only', trusts({ AWS: '*' }, { Action: 'sts:*' }));
    expect((await refused(await sign(), users)).name).toBe('AccessDenied');
  });

  test('nothing else may come unsigned', async () => {
    const body = 'Action=GetCallerIdentity&Version=2011-06-15';
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await fetch(world.endpoint, { method: 'POST', body, headers });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('<Code>MissingAuthenticationToken</Code>');
  });
});
