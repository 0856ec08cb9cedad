import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientSpan, startTelemetry, telemetryEnabled } from '../src/index.js';
import { Bench, random, type Operation } from './harness.js';

interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  kind: number;
}

const spans: Span[] = [];
const collector = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (request.url === '/v1/traces') collect(Buffer.concat(chunks).toString());
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
});

function collect(text: string): void {
  const { resourceSpans } = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
  for (const { scopeSpans } of resourceSpans) spans.push(...scopeSpans.flatMap((scope) => scope.spans));
}

beforeAll(() => new Promise<void>((bound) => collector.listen(0, '127.0.0.1', bound)));
afterAll(() => collector.close());

test('one trace goes through three services across two streams; without an endpoint nothing is recorded', async () => {
  expect(clientSpan('off').traceParent).toBe('');
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/json';
  const stop = await startTelemetry('test', process.env);
  expect(telemetryEnabled()).toBe(true);
  const bench = await Bench.open();
  const last = await bench.pipeline({ handle: random });
  const middleClient = await bench.client(last.address);
  const middle = await bench.pipeline({ handle: (operation: Operation) => middleClient.call(operation) });
  const client = await bench.client(middle.address);
  const edge = clientSpan('edge');
  await edge.run(() => client.call({ $case: 'generateRandom', value: { numberOfBytes: 1 } }));
  edge.end();
  await bench[Symbol.asyncDispose]();
  await stop();

  expect(telemetryEnabled()).toBe(false);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  const chain = [spans.find(({ name }) => name === 'edge')];
  for (let next = chain[0]; next;) {
    next = spans.find(({ parentSpanId }) => parentSpanId === chain.at(-1)?.spanId);
    if (next) chain.push(next);
  }
  expect(chain.map((span) => span?.name)).toEqual(['edge', ...Array<string>(4).fill('generateRandom')]);
});
