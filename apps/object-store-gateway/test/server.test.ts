import { connect } from 'node:net';
import { metricsRegistry } from '@keystead/service';
import { expect, test } from 'vitest';
import type { Identity } from '../src/clients/identity.js';
import type { Gateway } from '../src/gateway.js';
import { handle } from '../src/s3/handle.js';
import { meter } from '../src/s3/http/meter.js';
import type { RequestHead } from '../src/s3/http/request.js';
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

test('a request whose answer cannot be written is counted too', async () => {
  const metrics = metricsRegistry('test');
  const refusals = { count: () => undefined, close: () => undefined };
  // Without a signature the way ends before anything of these is asked.
  const handler = { gateway: {} as Gateway, identity: {} as Identity, refusals, meter: meter(metrics) };
  const failures: unknown[] = [];
  const serve = async (head: RequestHead): Promise<void> => {
    head.response.setHeader('x-before', 'sent').flushHeaders();
    head.response.destroy = () => {
      throw new Error('no answer');
    };
    await handle(handler, head).catch((error: unknown) => failures.push(error));
    head.incoming.socket.destroy();
  };
  const server = await publicServer('127.0.0.1:0', { domains: [], serve, refusals, meter: handler.meter });
  const socket = connect(Number(server.address.split(':').at(-1)), '127.0.0.1');
  socket.write('GET /bucket/key HTTP/1.1\r\nhost: x\r\n\r\n');
  await socket.resume().toArray();
  await server.close(0);
  expect(failures).toMatchObject([{ message: 'no answer' }]);
  const counted = /^keystead_s3_requests_total\{operation="UnknownOperation",code="InternalError",[^}]*\} 1$/m;
  expect(await metrics.metrics()).toMatch(counted);
});
