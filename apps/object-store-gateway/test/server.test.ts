import { connect } from 'node:net';
import { metricsRegistry } from '@keystead/service';
import { expect, test } from 'vitest';
import { meter } from '../src/s3/http/meter.js';
import { publicServer } from '../src/s3/http/server.js';

test('what cannot be read is counted by its source', async () => {
  const counted: string[] = [];
  const refusals = {
    count: (source: string, code: string) => counted.push(`${source} ${code}`),
    close: () => undefined,
  };
  const metrics = metricsRegistry('test');
  const serve = (): Promise<void> => Promise.reject(new Error('nobody is served here'));
  const server = await publicServer('127.0.0.1:0', { domains: [], serve, refusals, meter: meter(metrics) });
  const port = Number(server.address.split(':').at(-1));
  for (const bytes of [
    'GET /%ff HTTP/1.1\r\nhost: x\r\n\r\n',
    'GET /a%00 HTTP/1.1\r\nhost: x\r\n\r\n',
    'nonsense\r\n\r\n',
  ]) {
    const socket = connect(port, '127.0.0.1').end(bytes);
    await socket.resume().toArray();
  }
  await server.close(0);
  expect(counted).toEqual(['127.0.0.1 InvalidURI', '127.0.0.1 InvalidURI', '127.0.0.1 BadRequest']);
  const text = await metrics.metrics();
  expect(text).toMatch(/^keystead_s3_requests_total\{operation="UnknownOperation",code="InvalidURI",[^}]*\} 2$/m);
  expect(text).toMatch(/^keystead_s3_requests_total\{operation="UnknownOperation",code="BadRequest",[^}]*\} 1$/m);
});
