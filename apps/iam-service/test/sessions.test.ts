import * as IAM from '@aws-sdk/client-iam';
import * as KMS from '@aws-sdk/client-kms';
import * as S3 from '@aws-sdk/client-s3';
import * as STS from '@aws-sdk/client-sts';
import { cluster, type Cluster } from '@keystead/testing/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operator, type Operator } from './support/operator.js';
import {
  type AssumeOptions,
  type Config,
  allow,
  assume,
  closedKey,
  configOf,
  encrypt,
  events,
  home,
  iam,
  identity,
  keyWith,
  kms,
  policy,
  refusal,
  roleOf,
  rootOf,
  s3,
  sts,
  trusts,
  userOf,
} from './support/sessions.js';

let world: Cluster;
let cli: Operator;
let foreign: Config;
let user: Config;

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
    const role = await roleOf(
      world.clientConfig,
      'admin',
      trusts({ AWS: rootOf(home) }),
      allow(['kms:*', 'cloudtrail:LookupEvents']),
    );
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
    const session = configOf(world.clientConfig, answer);
    const { AssumedRoleId: UserId } = AssumedRoleUser ?? {};
    expect(await identity(session)).toMatchObject({ Arn: arn, Account: home, UserId });
    const info = new STS.GetAccessKeyInfoCommand({ AccessKeyId: answer.Credentials?.AccessKeyId ?? '' });
    expect((await sts(user).send(info)).Account).toBe(home);
    await encrypt(session, await keyWith(world.clientConfig));
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
    const toAccount = await roleOf(world.clientConfig, 'to-account', trusts({ AWS: rootOf(home) }));
    const toUser = await roleOf(world.clientConfig, 'to-user', trusts({ AWS: `arn:aws:iam::${home}:user/mute` }));
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
    const barred = await roleOf(
      world.clientConfig,
      'barred',
      policy({ Effect: 'Allow', ...everybody }, { Effect: 'Deny', ...everybody }),
    );
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
    const role = await roleOf(
      world.clientConfig,
      'for-visitors',
      trusts({ AWS: rootOf('222233334444') }, condition),
      allow('kms:*'),
    );
    expect((await refusal(assume(foreign, role))).name).toBe('AccessDenied');
    expect((await refusal(assume(foreign, role, { ExternalId: 'guessed' }))).name).toBe('AccessDenied');
    const session = configOf(world.clientConfig, await assume(foreign, role, { ExternalId: 'agreed' }));
    expect((await identity(session)).Account).toBe(home);
    // The caller's own account must allow it too, even where the role names the user.
    const mute = await userOf((await cli.enter('444455556666')).clientConfig, 'mute', allow('kms:*'));
    const named = await roleOf(world.clientConfig, 'for-mute', trusts({ AWS: 'arn:aws:iam::444455556666:user/mute' }));
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
    const role = await roleOf(world.clientConfig, 'strict', trusts({ AWS: rootOf(home) }), undefined, {
      MaxSessionDuration: 7200,
    });
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
      world.clientConfig,
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
    const role = await roleOf(
      world.clientConfig,
      'capped',
      trusts({ AWS: rootOf(home) }),
      allow(['kms:*', 's3:*', 'iam:*']),
    );
    const { Policy } = await iam(world.clientConfig).send(
      new IAM.CreatePolicyCommand({ PolicyName: 'lists', PolicyDocument: policy(allow('iam:ListUsers')) }),
    );
    const answer = await assume(user, role, {
      Policy: policy(allow('kms:Encrypt')),
      PolicyArns: [{ arn: Policy?.Arn ?? '' }],
    });
    expect(answer).toHaveProperty('PackedPolicySize');
    const session = configOf(world.clientConfig, answer);
    const key = await keyWith(world.clientConfig);
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
    const role = await roleOf(world.clientConfig, 'bounded', trusts({ AWS: rootOf(home) }), undefined, {
      PermissionsBoundary: boundary,
    });
    const plain = await roleOf(world.clientConfig, 'plain', trusts({ AWS: rootOf(home) }));
    const session = 'arn:aws:sts::000000000000:assumed-role/bounded/session';
    const namesRole = await closedKey(world.clientConfig, { Principal: { AWS: [role, plain] }, Action: 'kms:Encrypt' });
    const namesSession = await closedKey(world.clientConfig, { Principal: { AWS: session }, Action: 'kms:Encrypt' });
    const limited = configOf(world.clientConfig, await assume(user, role));
    expect((await refusal(encrypt(limited, namesRole))).message).toContain('no permissions boundary allows');
    await encrypt(limited, namesSession);
    const free = configOf(world.clientConfig, await assume(user, plain));
    await encrypt(free, namesRole);
    const capped = configOf(world.clientConfig, await assume(user, plain, { Policy: policy(allow('s3:*')) }));
    expect((await refusal(encrypt(capped, namesRole))).message).toContain('no session policy allows');
    const another = configOf(world.clientConfig, await assume(user, role, { RoleSessionName: 'another' }));
    expect((await refusal(encrypt(another, namesSession))).name).toBe('AccessDeniedException');
  });

  test('a grant to a role is its sessions’, within their limits', async () => {
    const role = await roleOf(world.clientConfig, 'granted', trusts({ AWS: rootOf(home) }));
    const key = await closedKey(world.clientConfig, {
      Principal: { AWS: rootOf('222233334444') },
      Action: 'kms:DescribeKey',
    });
    const Operations: KMS.GrantOperation[] = ['Encrypt'];
    const grant = new KMS.CreateGrantCommand({ KeyId: key, GranteePrincipal: role, Operations });
    await kms(world.clientConfig).send(grant);
    await encrypt(configOf(world.clientConfig, await assume(user, role)), key);
    const capped = configOf(world.clientConfig, await assume(user, role, { Policy: policy(allow('s3:*')) }));
    expect((await refusal(encrypt(capped, key))).name).toBe('AccessDeniedException');
  });

  test('a role made again has nothing of what the old one was trusted with', async () => {
    const document = trusts({ AWS: rootOf(home) });
    const role = await roleOf(world.clientConfig, 'again', document);
    const key = await closedKey(world.clientConfig, { Principal: { AWS: role }, Action: 'kms:Encrypt' });
    await encrypt(configOf(world.clientConfig, await assume(user, role)), key);
    await iam(world.clientConfig).send(new IAM.DeleteRoleCommand({ RoleName: 'again' }));
    await roleOf(world.clientConfig, 'again', document);
    expect((await refusal(encrypt(configOf(world.clientConfig, await assume(user, role)), key))).name).toBe(
      'AccessDeniedException',
    );
  });
});

describe('tags and source identity', () => {
  const tagging = { Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity'] };

  test('are principal tags, and go along a chain where they are transitive', async () => {
    const onTeam = { Condition: { StringEquals: { 'aws:PrincipalTag/team': 'blue' } } };
    const first = await roleOf(world.clientConfig, 'first', trusts({ AWS: rootOf(home) }, tagging), allow(['sts:*']));
    const rights = allow('kms:*', {
      Condition: { StringEquals: { 'aws:PrincipalTag/Team': 'blue', 'aws:SourceIdentity': 'ann' } },
    });
    const second = await roleOf(
      world.clientConfig,
      'second',
      trusts({ AWS: first }, { ...tagging, ...onTeam }),
      rights,
      {
        Tags: [{ Key: 'team', Value: 'red' }],
        MaxSessionDuration: 43_200,
      },
    );
    const Tags = [
      { Key: 'Team', Value: 'blue' },
      { Key: 'Cost', Value: '7' },
    ];
    const untagged = configOf(world.clientConfig, await assume(user, first));
    expect((await refusal(assume(untagged, second))).name).toBe('AccessDenied');
    const answer = await assume(user, first, { Tags, TransitiveTagKeys: ['Team'], SourceIdentity: 'ann' });
    expect(answer.SourceIdentity).toBe('ann');
    const tagged = configOf(world.clientConfig, answer);
    const chained = await assume(tagged, second);
    await encrypt(configOf(world.clientConfig, chained), await keyWith(world.clientConfig));
    const overridden = { Tags: [{ Key: 'team', Value: 'green' }] };
    expect((await refusal(assume(tagged, second, overridden))).name).toBe('InvalidParameterValue');
    expect((await refusal(assume(tagged, second, { SourceIdentity: 'bob' }))).name).toBe('AccessDenied');
    expect((await refusal(assume(tagged, second, { DurationSeconds: 3601 }))).message).toBe(
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    );
  });

  test('are tags of the request, though the calling session has some of the same name', async () => {
    const first = await roleOf(
      world.clientConfig,
      'forgetful',
      trusts({ AWS: rootOf(home) }, tagging),
      allow(['sts:*']),
    );
    const refuses = { Effect: 'Deny', Principal: '*', Action: 'sts:*' };
    const isAdmin = { Condition: { StringEquals: { 'aws:RequestTag/Team': 'admin' } } };
    const trust = policy({ Effect: 'Allow', Principal: { AWS: first }, ...tagging }, { ...refuses, ...isAdmin });
    const second = await roleOf(world.clientConfig, 'no-admins', trust);
    const team = (Value: string) => ({ Tags: [{ Key: 'Team', Value }] });
    const tagged = configOf(world.clientConfig, await assume(user, first, team('blue')));
    await assume(tagged, second, team('red'));
    expect((await refusal(assume(tagged, second, team('admin')))).name).toBe('AccessDenied');
  });

  test('need their own permissions', async () => {
    const role = await roleOf(world.clientConfig, 'tagless', trusts({ AWS: rootOf(home) }));
    const Tags = [{ Key: 'Team', Value: 'blue' }];
    expect((await refusal(assume(user, role, { Tags }))).message).toContain('sts:TagSession');
    expect((await refusal(assume(user, role, { SourceIdentity: 'ann' }))).message).toContain('sts:SetSourceIdentity');
  });
});
