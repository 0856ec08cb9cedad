import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as IAM from '@aws-sdk/client-iam';
import * as STS from '@aws-sdk/client-sts';
import { cluster, type Cluster } from '@keystead/testing/cluster';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Statement,
  allow,
  configOf,
  encrypt,
  events,
  home,
  iam,
  keyWith,
  once,
  policy,
  refusal,
  roleOf,
  trusts,
} from './support/sessions.js';

let world: Cluster;

beforeAll(async () => {
  world = await cluster();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
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
    const role = await roleOf(world.clientConfig, 'pods', trust(), allow('kms:*', federated));
    const answer = await enter(role, await sign());
    expect(answer).toMatchObject({
      SubjectFromWebIdentityToken: subject,
      Audience: audience,
      Provider: issuer,
      AssumedRoleUser: { Arn: `arn:aws:sts::${home}:assumed-role/pods/pod` },
    });
    await encrypt(configOf(world.clientConfig, answer), await keyWith(world.clientConfig));
    const denied = { Effect: 'Deny', Principal: '*', Action: 'kms:Encrypt', Resource: '*' };
    const closed = await keyWith(world.clientConfig, [
      { ...denied, Condition: { StringEquals: { [`${name()}:sub`]: subject } } },
    ]);
    expect((await refusal(encrypt(configOf(world.clientConfig, answer), closed))).message).toContain('explicit deny');
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
    const role = await roleOf(world.clientConfig, 'tagged-pods', trust(), rights);
    const tags = { 'https://aws.amazon.com/tags': { principal_tags: { Team: ['blue'] } } };
    await encrypt(configOf(world.clientConfig, await enter(role, await sign(tags))), await keyWith(world.clientConfig));
    const plain = configOf(world.clientConfig, await enter(role, await sign()));
    expect((await refusal(encrypt(plain, await keyWith(world.clientConfig)))).name).toBe('AccessDeniedException');
  });

  test('refuses what does not prove anything', async () => {
    const role = await roleOf(world.clientConfig, 'wary', trust());
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
    const users = await roleOf(world.clientConfig, 'users-only', trusts({ AWS: '*' }, { Action: 'sts:*' }));
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
