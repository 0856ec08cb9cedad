import { Client } from '@grpc/grpc-js';
import { KeysteadError } from '@keystead/errors';
import { HsmServiceService, type GenerateRandomRequest, type GenerateRandomResponse } from '@keystead/proto/hsm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  callMetrics,
  counter,
  channelCredentials,
  hostOf,
  invoke,
  metricsRegistry,
  serve,
  unary,
  type UnaryCall,
} from '../src/index.js';
import { Bench, codeOf, later, log, random, until } from './harness.js';

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.open();
});
afterEach(() => bench[Symbol.asyncDispose]());

type Handler = (request: GenerateRandomRequest, call: UnaryCall) => Promise<GenerateRandomResponse>;

const binding = (handler: Handler) => ({
  definition: { generateRandom: HsmServiceService.generateRandom },
  implementation: { generateRandom: unary(handler) },
});

async function caller(address: string) {
  const client = bench.own(new Client(address, channelCredentials(await bench.identity('kms-service'), 'hsm-service')));
  const { path, requestSerialize, responseDeserialize } = HsmServiceService.generateRandom;
  return (numberOfBytes: number, options = {}) =>
    invoke<GenerateRandomRequest, GenerateRandomResponse>(
      (request, metadata, how, done) =>
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, how, (error, value) =>
          done(error, value as GenerateRandomResponse),
        ),
      { numberOfBytes },
      options,
    );
}

test('a unary call answers, and its errors keep code, message and details', async () => {
  const { address } = await bench.serve([
    binding(async ({ numberOfBytes }) => {
      if (numberOfBytes === 1) throw new KeysteadError('NotFound', 'Schlüssel fehlt.', { details: { keyId: 'k' } });
      if (numberOfBytes === 2) throw new Error('a secret');
      return { plaintext: new Uint8Array(numberOfBytes) };
    }),
  ]);
  const call = await caller(address);
  expect((await call(5)).plaintext).toHaveLength(5);
  await expect(call(1)).rejects.toMatchObject({
    code: 'NotFound',
    message: 'Schlüssel fehlt.',
    details: { keyId: 'k' },
  });
  const failure = (await call(2).catch((error: unknown) => error)) as KeysteadError;
  expect(failure.code).toBe('Internal');
  expect(JSON.stringify([failure.message, failure.details])).not.toContain('secret');
});

test('deadline and cancellation reach the handler; a request id of a service is kept', async () => {
  const seen: UnaryCall[] = [];
  const { address } = await bench.serve([
    binding(async (_request, call) => {
      seen.push(call);
      await later(400);
      return { plaintext: new Uint8Array(0) };
    }),
  ]);
  const call = await caller(address);
  expect(await codeOf(call(1, { timeoutMs: 100, requestId: 'r-1' }))).toBe('DeadlineExceeded');
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 50);
  expect(await codeOf(call(1, { signal: abort.signal }))).toBe('Cancelled');
  await until(() => seen.length === 2 && seen.every(({ signal }) => signal.aborted));
  expect(seen[0]?.requestId).toBe('r-1');
  expect(seen[1]?.requestId).toMatch(/^[0-9a-f-]{36}$/);
});

test('probes and metrics', async () => {
  const tls = await bench.identity('hsm-service');
  let broken: Error | undefined = new Error('no database');
  const ready = (): void => {
    if (broken) throw broken;
  };
  const services = [
    binding((request) =>
      random({ $case: 'generateRandom', value: request }).then(({ value }) => value as GenerateRandomResponse),
    ),
  ];
  const server = bench.own(
    await serve({ name: 'hsm-service', listen: '127.0.0.1:0', opsListen: '127.0.0.1:0', tls, services, ready, log }),
  );
  const get = async (path: string): Promise<[number, string]> => {
    const response = await fetch(`http://${server.opsAddress}${path}`);
    return [response.status, await response.text()];
  };
  expect(await get('/livez')).toEqual([200, 'ok\n']);
  expect((await get('/readyz'))[0]).toBe(503);
  expect(await health(server.address)).toBe(2);
  broken = undefined;
  expect((await get('/readyz'))[0]).toBe(200);
  expect(await health(server.address)).toBe(1);
  expect((await get('/metrics'))[1]).toContain('process_resident_memory_bytes{service="hsm-service"}');
  expect((await get('/other'))[0]).toBe(404);
  const closed = server.close();
  await closed;
  await expect(get('/livez')).rejects.toThrow();
});

/** grpc.health.v1.Health/Check: 1 serving, 2 not. */
async function health(address: string): Promise<number | undefined> {
  const client = new Client(address, channelCredentials(await bench.identity('kms-service'), 'hsm-service'));
  const asIs = (bytes: Buffer): Buffer => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', asIs, asIs, Buffer.alloc(0), (error, answer) => {
      client.close();
      if (error) reject(error);
      else resolve(answer?.[1]);
    });
  });
}

test('calls on streams are counted', async () => {
  const server = await bench.pipeline({ handle: random });
  const client = await bench.client(server.address);
  await client.call({ $case: 'generateRandom', value: { numberOfBytes: 1 } });
  const text = await server.metrics.metrics();
  expect(text).toMatch(/keystead_calls_total\{operation="generateRandom",code="",service="hsm-service"\} 1/);
});

test('amounts add up by label, however often they are read', async () => {
  const registry = metricsRegistry('x');
  const add = counter(registry, 'bytes_total', 'Bytes.', 'operation');
  add('a', 3);
  add('a', 4);
  add('b', 0);
  for (let read = 0; read < 2; read++) {
    const text = await registry.metrics();
    expect(text).toContain('bytes_total{operation="a",service="x"} 7\n');
    expect(text).toContain('bytes_total{operation="b",service="x"} 0\n');
  }
});

test('durations are counted in the bounds that they do not exceed', async () => {
  const registry = metricsRegistry('x');
  const calls = callMetrics(registry, 'calls', 'Calls.');
  for (const seconds of [0.0001, 0.0005, 0.003, 7]) calls.done('a', '', seconds);
  calls.done('b', 'NotFound', 0.02);
  for (let read = 0; read < 2; read++) {
    const lines = (await registry.metrics()).split('\n');
    const value = (line: string) =>
      lines
        .find((one) => one.startsWith(line))
        ?.split(' ')
        .at(-1);
    expect(value('calls_total{operation="a",code=""')).toBe('4');
    expect(value('calls_total{operation="b",code="NotFound"')).toBe('1');
    expect(
      ['0.0005', '0.0025', '0.005', '5', '+Inf'].map((le) => value(`calls_seconds_bucket{le="${le}",operation="a"`)),
    ).toEqual(['2', '2', '3', '3', '4']);
    expect(value('calls_seconds_count{operation="a"')).toBe('4');
    expect(Number(value('calls_seconds_sum{operation="a"'))).toBeCloseTo(7.0036);
    expect(value('calls_seconds_bucket{le="0.025",operation="b"')).toBe('1');
  }
});

test('a port that is taken is one sentence, and nothing stays open', async () => {
  const first = await bench.pipeline({ handle: random });
  await expect(bench.pipeline({ handle: random }, { listen: first.address })).rejects.toThrow(
    `Cannot listen on ${first.address}`,
  );
});

test('a message above the limit is refused', async () => {
  const tls = await bench.identity('hsm-service');
  const services = [binding(async () => ({ plaintext: new Uint8Array(1) }))];
  const server = bench.own(
    await serve({
      name: 'hsm-service',
      listen: '127.0.0.1:0',
      opsListen: '127.0.0.1:0',
      tls,
      services,
      log,
      maxReceiveBytes: 1_000,
    }),
  );
  const client = bench.own(
    new Client(server.address, channelCredentials(await bench.identity('kms-service'), 'hsm-service')),
  );
  const asIs = (bytes: Buffer): Buffer => bytes;
  const code = await new Promise((resolve) =>
    client.makeUnaryRequest(HsmServiceService.generateRandom.path, asIs, asIs, Buffer.alloc(2_000), (error) =>
      resolve(error?.code),
    ),
  );
  expect(code).toBe(8);
});

test('hosts of peers', () => {
  expect(['10.0.0.1:55', '[::1]:55', '[::ffff:10.0.0.1]:55', 'ipv6'].map(hostOf)).toEqual([
    '10.0.0.1',
    '::1',
    '10.0.0.1',
    'ipv6',
  ]);
});
