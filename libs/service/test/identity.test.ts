import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { Client, credentials, ServerCredentials, Server, type ChannelCredentials } from '@grpc/grpc-js';
import { HsmServiceService } from '@keystead/proto/hsm';
import { testPki } from '@keystead/testing/pki';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  channelCredentials,
  fromGrpcError,
  onlyUri,
  parseSpiffeId,
  spiffeId,
  tlsIdentity,
  unary,
  type Peer,
  type UnaryCall,
} from '../src/index.js';
import { Bench } from './harness.js';

let bench: Bench;
let address: string;
let seen: UnaryCall | undefined;

beforeAll(async () => {
  bench = await Bench.open();
  const generateRandom = unary(async (_request: unknown, call: UnaryCall) => {
    seen = call;
    return { plaintext: new Uint8Array(1) };
  });
  const server = await bench.serve([
    { definition: { generateRandom: HsmServiceService.generateRandom }, implementation: { generateRandom } },
  ]);
  ({ address } = server);
});
afterAll(() => bench[Symbol.asyncDispose]());

/** "ok", or the code of the failure. */
function callWith(channel: ChannelCredentials, to = address): Promise<string> {
  const client = new Client(to, channel);
  const { path, requestSerialize, responseDeserialize } = HsmServiceService.generateRandom;
  return new Promise((resolve) => {
    const deadline = Date.now() + 3_000;
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { numberOfBytes: 1 },
      { deadline },
      (error) => {
        client.close();
        resolve(error ? fromGrpcError(error).code : 'ok');
      },
    );
  });
}

async function withFolder(folder: string, expected = 'hsm-service', to = address): Promise<string> {
  const identity = bench.own(tlsIdentity(folder));
  return callWith(channelCredentials(identity, expected), to);
}

test('a service of the trust domain is let in and named', async () => {
  expect(await withFolder(await bench.pki.dir('kms-service'))).toBe('ok');
  expect(seen?.peer).toEqual({ kind: 'service', name: 'kms-service' });
});

test('a principal and an operator are let in and named', async () => {
  const arn = 'arn:aws:iam::000000000000:user/team a/alice+x=y,z@example.org';
  for (const peer of [
    { kind: 'principal', uniqueId: 'AIDA1', arn },
    { kind: 'operator', name: 'root' },
  ] satisfies Peer[]) {
    expect(await withFolder(await bench.pki.dirFor(spiffeId(bench.pki.trustDomain, peer)))).toBe('ok');
    expect(seen?.peer).toEqual(peer);
  }
});

test('a certificate of another CA, another trust domain, or without a known name is refused', async () => {
  using other = await testPki();
  const folder = await other.dir('kms-service');
  // It trusts our server, yet the server does not trust it.
  writeFileSync(join(folder, 'ca.crt'), bench.pki.authority.certificate);
  expect(await withFolder(folder)).toBe('Unavailable');
  expect(
    await withFolder(
      await bench.pki.dirFor('spiffe://elsewhere/svc/kms-service'),
      `spiffe://keystead.local/svc/hsm-service`,
    ),
  ).toBe('AccessDenied');
  for (const uri of [
    'spiffe://keystead.local/kms-service',
    'spiffe://keystead.local/svc/kms-service/x',
    'spiffe://keystead.local/principal/AIDA',
  ]) {
    expect(await withFolder(await bench.pki.dirFor(uri))).toBe('AccessDenied');
  }
});

test('an expired certificate is refused', async () => {
  expect(await withFolder(await bench.pki.dirFor('spiffe://keystead.local/svc/kms-service', { hours: -0.01 }))).toBe(
    'Unavailable',
  );
});

test('no certificate and plaintext are refused', async () => {
  const ca = Buffer.from(bench.pki.authority.certificate);
  expect(await callWith(credentials.createSsl(ca, null, null, { checkServerIdentity: () => undefined }))).toBe(
    'Unavailable',
  );
  expect(await callWith(credentials.createInsecure())).toBe('Unavailable');
});

test('TLS 1.2 is refused', async () => {
  const dir = await bench.pki.dir('kms-service');
  const read = (file: string): Buffer => readFileSync(join(dir, file));
  const attempt = (maxVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<string> =>
    new Promise((resolve) => {
      const [host, port] = address.split(':');
      const options = {
        host: host ?? '',
        port: Number(port),
        ca: read('ca.crt'),
        cert: read('tls.crt'),
        key: read('tls.key'),
        ALPNProtocols: ['h2'],
      };
      const socket = connectTls({ ...options, maxVersion, checkServerIdentity: () => undefined }, () => {
        resolve(socket.getProtocol() ?? '');
        socket.destroy();
      });
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  expect(await attempt('TLSv1.3')).toBe('TLSv1.3');
  expect(await attempt('TLSv1.2')).toMatch(/PROTOCOL_VERSION/);
});

test('a client refuses a server with another name, another CA, or TLS 1.2', async () => {
  const mine = await bench.pki.dir('kms-service');
  for (const expected of ['kms-service', 'hsm-servic', 'hsm-service2', 'spiffe://elsewhere/svc/hsm-service']) {
    expect(await withFolder(mine, expected)).toBe('Unavailable');
  }
  using other = await testPki();
  expect(await withFolder(mine, 'hsm-service', await foreignServer(await other.dir('hsm-service')))).toBe(
    'Unavailable',
  );
  expect(
    await withFolder(
      mine,
      'hsm-service',
      await foreignServer(await bench.pki.dir('hsm-service'), { maxVersion: 'TLSv1.2' }),
    ),
  ).toBe('Unavailable');
});

/** A gRPC server that is not made by serve(). */
async function foreignServer(folder: string, options: object = {}): Promise<string> {
  const server = new Server();
  const [ca, cert, key] = ['ca.crt', 'tls.crt', 'tls.key'].map((file) => readFileSync(join(folder, file))) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  class Plain extends ServerCredentials {
    constructor() {
      super({ ...options }, { ca, cert, key });
    }
    override _equals(): boolean {
      return false;
    }
  }
  bench.own({ close: () => server.forceShutdown() });
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', new Plain(), (error, port) =>
      error ? reject(error) : resolve(`127.0.0.1:${port}`),
    );
  });
}

test('files that cannot be used are one clear sentence', async () => {
  expect(() => tlsIdentity('/nowhere')).toThrow(/TLS folder lacks a file.*ca\.crt/);
  const [a, b] = await Promise.all([
    bench.pki.dirFor('spiffe://keystead.local/svc/a'),
    bench.pki.dirFor('spiffe://keystead.local/svc/b'),
  ]);
  writeFileSync(join(a, 'tls.key'), readFileSync(join(b, 'tls.key')));
  expect(() => tlsIdentity(a)).toThrow(/cannot be used: .*key values mismatch/);
  const none = await bench.pki.dirFor(undefined);
  expect(() => tlsIdentity(none)).toThrow(/exactly one spiffe:\/\/ name/);
});

test('only one URI name counts, quoted or not', () => {
  expect(onlyUri('DNS:localhost, URI:spiffe://a/svc/x, IP Address:127.0.0.1')).toBe('spiffe://a/svc/x');
  expect(onlyUri('URI:"spiffe://a/principal/I/arn:aws:iam::0:user/a,b"')).toBe(
    'spiffe://a/principal/I/arn:aws:iam::0:user/a,b',
  );
  expect(onlyUri('URI:spiffe://a/svc/x, URI:spiffe://a/svc/y')).toBeUndefined();
  expect(onlyUri('DNS:"x, URI:spiffe://a/svc/x"')).toBeUndefined();
  expect(onlyUri(undefined)).toBeUndefined();
});

test('names of peers come back as they went', () => {
  const name = fc.stringMatching(/^[\w.-]{1,30}$/);
  const arn = fc.string({ unit: 'grapheme', maxLength: 60 }).map((text) => `arn:aws:iam::000000000000:user/${text}`);
  const peer = fc.oneof(
    fc.record({ kind: fc.constant('service' as const), name }),
    fc.record({ kind: fc.constant('operator' as const), name }),
    fc.record({ kind: fc.constant('principal' as const), uniqueId: name, arn }),
  );
  fc.assert(
    fc.property(peer, (one) => {
      expect(parseSpiffeId(spiffeId('td', one), 'td')).toEqual(one);
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => void parseSpiffeId(`spiffe://td/${text}`, 'td')));
});
