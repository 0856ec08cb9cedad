import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AuditRecord } from '@keystead/proto/audit';
import { clientSpan, currentTraceParent, startTelemetry } from '@keystead/service';
import { testDatabase } from '@keystead/testing/database';
import { expect, test } from 'vitest';
import { enqueue, newEventId, outboxWorker } from '../src/index.js';

const record = (eventName: string): AuditRecord => AuditRecord.fromPartial({ eventId: newEventId(), eventName });

test('a record is delivered in the trace that wrote it, one of another replica in none, whoever pokes', async () => {
  const collector = createServer((request, response) => request.resume().on('end', () => response.end('{}')));
  await new Promise<void>((bound) => collector.listen(0, '127.0.0.1', bound));
  const OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = OTEL_EXPORTER_OTLP_ENDPOINT;
  await using database = await testDatabase('audit-service');
  const pool = database.adminPool('audit-service');
  await pool.query(readFileSync(new URL('../outbox.sql', import.meta.url), 'utf8'));
  const stop = await startTelemetry('test', { OTEL_EXPORTER_OTLP_ENDPOINT });

  const seen = new Map<string, string>();
  let away = true;
  const append = async ({ eventName }: AuditRecord): Promise<void> => {
    seen.set(eventName, currentTraceParent());
    if (away) throw new Error('away');
  };
  const spans = ['one', 'two', 'three'].map((name) => ({ name, span: clientSpan(name) }));
  for (const { name, span } of spans) await span.run(() => enqueue(pool, record(name)));
  const replicas = Buffer.from(AuditRecord.encode(record('replica')).finish());
  await pool.query('insert into audit_outbox (record) values ($1)', [replicas]);
  const expected = new Map([...spans.map(({ name, span }) => [name, span.traceParent] as const), ['replica', '']]);

  const worker = spans[0]?.span.run(() => outboxWorker({ pool, append }));
  while (seen.size < 4) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(seen).toEqual(expected);
  // Again, as none has arrived.
  seen.clear();
  away = false;
  await spans[1]?.span.run(() => worker?.drained());
  expect(seen).toEqual(expected);
  await worker?.close();
  await stop();
  collector.close();
});
