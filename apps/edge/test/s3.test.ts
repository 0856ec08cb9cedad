import { connect } from 'node:net';
import { afterEach, afterAll, beforeAll, expect, test } from 'vitest';
import { start } from '../src/main.js';
import { readConfig } from '../src/config.js';
import { testPki, type TestPki } from '@keystead/testing/pki';
import type { Running } from '@keystead/service';
import { gatewayStandIn, type GatewayStandIn } from './support/gateway.js';
import { send, socketTalk } from './support/raw.js';

let pki: TestPki;
let gateway: GatewayStandIn;
let edge: Running;
let endpoint: string;

beforeAll(async () => {
  pki = await testPki();
  gateway = await gatewayStandIn(await pki.dir('object-store-gateway'));
  const nowhere = '127.0.0.1:1';
  edge = await start(
    readConfig({
      KEYSTEAD_TLS_DIR: await pki.dir('edge'),
      KEYSTEAD_EDGE_LISTEN: '127.0.0.1:0',
      KEYSTEAD_LOG_LEVEL: 'silent',
      KEYSTEAD_KMS_ADDRESS: nowhere,
      KEYSTEAD_IAM_ADDRESS: nowhere,
      KEYSTEAD_AUDIT_ADDRESS: nowhere,
      KEYSTEAD_GATEWAY_ADDRESS: nowhere,
      KEYSTEAD_GATEWAY_S3_ADDRESS: gateway.address,
    }),
  );
  endpoint = `http://${edge.address}`;
});
afterEach(() => {
  gateway.arrived.length = 0;
  gateway.respond = undefined;
  gateway.checkContinue = undefined;
});
afterAll(async () => {
  await edge.close();
  await gateway.close();
  pki[Symbol.dispose]();
});

test('method, target, headers and body arrive untouched; ours are set and cannot be forged', async () => {
  const path = '/bucket/a%20b//c/./d+(e)?x-id=PutObject&versionId=%2B';
  const headers = {
    'X-Amz-Meta-Case': 'Kept',
    'x-keystead-forwarded-for': '6.6.6.6',
    'X-Keystead-Anything': 'forged',
    host: 'bucket.s3.localhost:4566',
  };
  const answer = await send(endpoint, { method: 'PUT', path, headers, body: 'hello' });
  expect(answer).toMatchObject({ status: 200, body: 'got 5' });
  expect(answer.headers['x-amz-request-id']).toBe('from-gateway');
  const [arrived] = gateway.arrived;
  expect(arrived).toMatchObject({ method: 'PUT', url: path });
  const raw = arrived?.rawHeaders ?? [];
  expect(raw[raw.indexOf('X-Amz-Meta-Case') + 1]).toBe('Kept');
  expect(raw[raw.findIndex((name) => name.toLowerCase() === 'host') + 1]).toBe('bucket.s3.localhost:4566');
  const ours = raw.filter((name, at) => at % 2 === 0 && /^x-keystead/i.test(name));
  expect(ours).toEqual(['x-keystead-forwarded-for', 'x-keystead-forwarded-proto', 'x-keystead-request-id']);
  expect(raw[raw.indexOf('x-keystead-forwarded-for') + 1]).toBe('127.0.0.1');
});

test('bodies of any framing', async () => {
  const body = Buffer.alloc(3_000_000, 'x');
  expect((await send(endpoint, { method: 'PUT', path: '/b/k', body })).body).toBe('got 3000000');
  const headers = { 'transfer-encoding': 'chunked' };
  expect((await send(endpoint, { method: 'PUT', path: '/b/k', headers, body })).body).toBe('got 3000000');
  const bare = await socketTalk(endpoint, 'PUT /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  expect(bare).toContain('got 0');
  const head = await send(endpoint, { method: 'HEAD', path: '/b/k' });
  expect(head).toMatchObject({ status: 200, body: '' });
});

test('100 Continue comes from the gateway', async () => {
  const head = 'PUT /b/k HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n';
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const { hostname, port } = new URL(endpoint);
    const socket = connect(Number(port), hostname, () => socket.write(head));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text === 'HTTP/1.1 100 Continue\r\n\r\n') socket.write('hello');
    });
    socket.on('close', () => resolve(text));
  });
  expect(answer).toContain('got 5');
});

test('a refusal before the body reaches the client, and the body is not asked for', async () => {
  gateway.checkContinue = (_request, response) => response.writeHead(403, { 'content-length': 2 }).end('no');
  const head = 'PUT /b/k HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5000000\r\n\r\n';
  const answer = await socketTalk(endpoint, head, 1_000);
  expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  expect(answer).not.toContain('100 Continue');
});

test('a connection that the gateway has closed meanwhile does not reach the client', async () => {
  await send(endpoint, { method: 'GET', path: '/b/k' });
  await new Promise((later) => setTimeout(later, 700));
  expect((await send(endpoint, { method: 'GET', path: '/b/k' })).status).toBe(200);
});

test('a head that node will not write on is refused, and edge lives', async () => {
  const head = 'Host: x\r\nTrailer: x-checksum\r\nConnection: close\r\n';
  const answer = await socketTalk(endpoint, `PUT /b/k HTTP/1.1\r\n${head}Content-Length: 5\r\n\r\nhello`);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toContain('<Code>BadRequest</Code>');
  const chunked = await socketTalk(
    endpoint,
    `PUT /b/k HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
  );
  expect(chunked).toContain('got 5');
});

test('an answer that breaks off breaks off at the client too', async () => {
  gateway.respond = (_request, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('partial');
    setTimeout(() => response.destroy(), 50);
  };
  await expect(send(endpoint, { method: 'GET', path: '/b/k' })).rejects.toThrow();
});

test('a client that goes away takes the request to the gateway with it', async () => {
  const gone = new Promise<void>((resolve) => {
    gateway.respond = (request) => void request.on('close', resolve).resume();
  });
  await socketTalk(endpoint, 'PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nabc', 200);
  await gone;
});

test('without a gateway the answer is 503 in the form of S3; KMS without services is a retryable 500', async () => {
  const { address } = gateway;
  const dead = await start(
    readConfig({
      KEYSTEAD_TLS_DIR: await pki.dir('edge'),
      KEYSTEAD_EDGE_LISTEN: '127.0.0.1:0',
      KEYSTEAD_LOG_LEVEL: 'silent',
      KEYSTEAD_KMS_ADDRESS: '127.0.0.1:1',
      KEYSTEAD_IAM_ADDRESS: '127.0.0.1:1',
      KEYSTEAD_AUDIT_ADDRESS: '127.0.0.1:1',
      KEYSTEAD_GATEWAY_ADDRESS: address,
      KEYSTEAD_GATEWAY_S3_ADDRESS: '127.0.0.1:1',
    }),
  );
  const answer = await send(`http://${dead.address}`, { method: 'PUT', path: '/b/k', body: 'hello' });
  expect(answer.status).toBe(503);
  expect(answer.body).toContain('<Code>ServiceUnavailable</Code>');
  await dead.close();
});
