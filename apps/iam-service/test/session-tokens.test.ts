import * as IAM from '@aws-sdk/client-iam';
import * as KMS from '@aws-sdk/client-kms';
import * as S3 from '@aws-sdk/client-s3';
import * as STS from '@aws-sdk/client-sts';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { cluster, type Cluster } from '@keystead/testing/cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Config,
  allow,
  assume,
  closedKey,
  configOf,
  encrypt,
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
let user: Config;

beforeAll(async () => {
  world = await cluster();
  user = await userOf(world.clientConfig, 'caller', allow('sts:*'));
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

describe('the session token', () => {
  test('must come with every request, and be the right one', async () => {
    const role = await roleOf(world.clientConfig, 'token', trusts({ AWS: rootOf(home) }), allow(['kms:*', 's3:*']));
    const session = configOf(world.clientConfig, await assume(user, role));
    const key = await keyWith(world.clientConfig);
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
    const role = await roleOf(world.clientConfig, 'brief', trusts({ AWS: rootOf(home) }), allow(['kms:*', 's3:*']));
    const session = configOf(world.clientConfig, await assume(user, role));
    const key = await keyWith(world.clientConfig);
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
    const role = await roleOf(world.clientConfig, RoleName, trusts({ AWS: rootOf(home) }), allow('kms:*'));
    const session = configOf(world.clientConfig, await assume(user, role));
    const key = await keyWith(world.clientConfig);
    await encrypt(session, key);
    const older = { Condition: { DateLessThan: { 'aws:TokenIssueTime': new Date(Date.now() + 1).toISOString() } } };
    const PolicyDocument = policy({ Effect: 'Deny', Action: '*', Resource: '*', ...older });
    await client.send(new IAM.PutRolePolicyCommand({ RoleName, PolicyName: 'revoke', PolicyDocument }));
    expect((await refusal(encrypt(session, key))).message).toContain('explicit deny');
    const newer = configOf(world.clientConfig, await assume(user, role));
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
    const role = await roleOf(world.clientConfig, RoleName, trusts({ AWS: rootOf(home) }), allow('kms:*'));
    const session = configOf(world.clientConfig, await assume(user, role));
    const key = await keyWith(world.clientConfig);
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
    const session = configOf(world.clientConfig, answer);
    expect((await identity(session)).Arn).toBe(`arn:aws:iam::${home}:user/temporary`);
    const key = await closedKey(world.clientConfig, {
      Principal: { AWS: `arn:aws:iam::${home}:user/temporary` },
      Action: 'kms:Encrypt',
    });
    await encrypt(session, key);
    expect((await refusal(iam(session).send(new IAM.ListUsersCommand()))).name).toBe('InvalidClientTokenId');
    expect((await refusal(sts(session).send(new STS.GetSessionTokenCommand()))).message).toBe(
      'Cannot call GetSessionToken with session credentials',
    );
    const role = await roleOf(world.clientConfig, 'after-token', trusts({ AWS: rootOf(home) }));
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
