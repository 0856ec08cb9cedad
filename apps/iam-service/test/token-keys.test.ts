import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { identityTokens } from '../src/clients/identity-tokens.js';
import { tokenKeys } from '../src/clients/token-keys.js';
import { readConfig } from '../src/config.js';

type Answer = { status?: number; headers?: Record<string, string>; body?: string };

const folder = mkdtempSync(join(tmpdir(), 'keystead-jwks-'));
const answers = new Map<string, Answer>();
let asked: string[] = [];
let server: Server;
let issuer: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const { status = 200, headers = {}, body = '' } = answers.get(request.url ?? '') ?? { status: 404 };
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const discovery = '/.well-known/openid-configuration';
const noKeys = JSON.stringify({ keys: [] });

/** What an issuer that answers so gives. */
async function keysOf(configuration: object | Answer, keys: Answer = { body: noKeys }) {
  asked = [];
  answers.set(discovery, 'jwks_uri' in configuration ? { body: JSON.stringify(configuration) } : configuration);
  answers.set('/keys', keys);
  return tokenKeys(new Map()).of(issuer);
}

const configured = (files: string) =>
  readConfig({
    ...{ KEYSTEAD_TLS_DIR: folder, KEYSTEAD_DATABASE_URL: 'postgres://localhost/x' },
    ...{ KEYSTEAD_KMS_ADDRESS: '127.0.0.1:1', KEYSTEAD_AUDIT_ADDRESS: '127.0.0.1:2' },
    KEYSTEAD_OIDC_JWKS_FILES: files,
  }).tokenKeyFiles;

describe('keys of an issuer', () => {
  test('are where its configuration says, and asked for once', async () => {
    const keys = tokenKeys(new Map());
    answers.set(discovery, { body: JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }) });
    answers.set('/keys', { body: noKeys });
    asked = [];
    expect(await keys.of(issuer)).toEqual({ keys: [] });
    await keys.of(issuer);
    // An unknown key does not make a stranger's tokens a stream of requests.
    await keys.of(issuer, { newer: true });
    expect(asked).toEqual([discovery, '/keys']);
  });

  test('are taken from nowhere else', async () => {
    const refused = (call: Promise<unknown>, code = 'InvalidIdentityToken') =>
      expect(call).rejects.toMatchObject({ code });
    await refused(keysOf({ issuer: 'https://other.example.com', jwks_uri: `${issuer}/keys` }));
    await refused(keysOf({ issuer, jwks_uri: 'http://keys.example.com/keys' }));
    await refused(keysOf({ issuer, jwks_uri: 'file:///etc/passwd' }));
    await refused(keysOf({ status: 500 }));
    await refused(keysOf({ body: 'no json' }), 'IdpCommunication');
    await refused(keysOf({ issuer, jwks_uri: `${issuer}/keys` }, { body: '{"keys":1}' }));
    await refused(keysOf({ issuer, jwks_uri: `${issuer}/keys` }, { body: `"${'x'.repeat(200_000)}"` }));
    const elsewhere = { status: 302, headers: { location: `${issuer}/else` } };
    await refused(keysOf({ issuer, jwks_uri: `${issuer}/keys` }, elsewhere), 'IdpCommunication');
    expect(asked).not.toContain('/else');
    await refused(tokenKeys(new Map()).of('http://127.0.0.1:9'), 'IdpCommunication');
  });

  test('are never on this machine for an issuer elsewhere', async () => {
    const elsewhere = 'https://issuer.example.com';
    const fetched = vi.spyOn(globalThis, 'fetch').mockImplementation(() => {
      return Promise.resolve(Response.json({ issuer: elsewhere, jwks_uri: `${issuer}/keys` }));
    });
    const call = tokenKeys(new Map()).of(elsewhere);
    await expect(call).rejects.toMatchObject({ code: 'InvalidIdentityToken' });
    expect(fetched).toHaveBeenCalledTimes(1);
    fetched.mockRestore();
  });

  test('stay while the issuer is away, whatever key a token names', async () => {
    const keys = tokenKeys(new Map());
    answers.set(discovery, { body: JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }) });
    answers.set('/keys', { body: noKeys });
    await keys.of(issuer);
    answers.set(discovery, { status: 500 });
    const later = performance.now() + 60_000;
    const clock = vi.spyOn(performance, 'now').mockReturnValue(later);
    await expect(keys.of(issuer, { newer: true })).rejects.toMatchObject({ code: 'InvalidIdentityToken' });
    expect(await keys.of(issuer)).toEqual({ keys: [] });
    clock.mockRestore();
  });

  test('are waited for by so many only, and by everybody once they are there', async () => {
    let answer: (response: Response) => void = () => undefined;
    const fetched = vi.spyOn(globalThis, 'fetch').mockReturnValue(new Promise((resolve) => (answer = resolve)));
    const keys = tokenKeys(new Map());
    const waiting = Array.from({ length: 64 }, () => keys.of('https://slow.example.com'));
    await expect(keys.of('https://slow.example.com')).rejects.toMatchObject({ code: 'Throttling' });
    answer(Response.json({}));
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    fetched.mockRestore();
    answers.set(discovery, { body: JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }) });
    answers.set('/keys', { body: noKeys });
    await keys.of(issuer);
    await Promise.all(Array.from({ length: 200 }, () => keys.of(issuer)));
  });

  test('may be given in a file, and then nobody is asked', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256');
    const file = join(folder, 'jwks.json');
    writeFileSync(file, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' }] }));
    const tokenKeyFiles = configured(`https://cluster.example.com/=${file}`);
    const url = 'https://cluster.example.com';
    const identify = identityTokens({
      keys: tokenKeys(tokenKeyFiles),
      provider: async (account, name) => ({
        ...{ account, name, url, clientIds: ['sts.amazonaws.com'], thumbprints: [], tags: [] },
        createdAt: new Date(0),
      }),
      now: () => new Date(),
    });
    const sign = (sub: unknown) =>
      new SignJWT({ iss: url, sub: sub as string, aud: ['other', 'sts.amazonaws.com'] })
        .setProtectedHeader({ alg: 'RS256', kid: 'k' })
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(privateKey);
    for (const sub of [7, ['s'], { s: 's' }, '']) {
      const refused = identify(await sign(sub), '111122223333');
      await expect(refused).rejects.toMatchObject({ code: 'InvalidIdentityToken' });
    }
    expect(await identify(await sign('s'), '111122223333')).toMatchObject({
      issuer: url,
      subject: 's',
      audience: 'sts.amazonaws.com',
      claims: { 'cluster.example.com:sub': 's', 'cluster.example.com:aud': 'sts.amazonaws.com' },
    });
  });

  test('are configured as pairs', () => {
    expect([...configured('https://a.org=/a,https://b.org/c=/b')]).toEqual([
      ['https://a.org', '/a'],
      ['https://b.org/c', '/b'],
    ]);
    expect(() => configured('nonsense')).toThrow('KEYSTEAD_OIDC_JWKS_FILES must be of the form');
  });
});
