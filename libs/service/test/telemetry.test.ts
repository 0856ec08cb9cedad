import { traceCollector, type TraceCollector } from '@keystead/testing/trace-collector';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientSpan, startTelemetry, telemetryEnabled } from '../src/index.js';
import { Bench, random, type Operation } from './harness.js';

let collector: TraceCollector;

beforeAll(async () => {
  collector = await traceCollector();
});
afterAll(() => collector.close());

test('one trace goes through three services across two streams; without an endpoint nothing is recorded', async () => {
  expect(clientSpan('off').traceParent).toBe('');
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = collector.endpoint;
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
  expect(new Set(collector.spans.map(({ traceId }) => traceId)).size).toBe(1);
  const chain = [collector.spans.find(({ name }) => name === 'edge')];
  for (let next = chain[0]; next;) {
    next = collector.spans.find(({ parentSpanId }) => parentSpanId === chain.at(-1)?.spanId);
    if (next) chain.push(next);
  }
  expect(chain.map((span) => span?.name)).toEqual(['edge', ...Array<string>(4).fill('generateRandom')]);
});
