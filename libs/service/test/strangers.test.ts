import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serve } from '../src/index.js';
import { Bench, log, pipelineOnly } from './harness.js';

let bench: Bench;

beforeAll(async () => (bench = await Bench.open()));
afterAll(() => bench[Symbol.asyncDispose]());

async function signedServer(mostConnections: number) {
  const tls = await bench.identity('kms-service');
  const unused = pipelineOnly(() => undefined);
  const listen = '127.0.0.1:0';
  const authenticate = () => Promise.reject(new Error('nobody is known here'));
  const signed = { listen, services: [unused], authenticate, mostConnections };
  const server = bench.own(
    await serve({
      name: 'kms-service',
      listen,
      opsListen: listen,
      tls,
      services: [unused],
      signed,
      log,
      graceMs: 1_000,
    }),
  );
  const { ca } = tls.current;
  const port = Number(server.signedAddress?.split(':')[1]);
  const open = (): TLSSocket =>
    connect({ host: '127.0.0.1', port, ca, ALPNProtocols: ['h2'], checkServerIdentity: () => undefined });
  return { server, open };
}

/** True once TLS stands, false when the connection was closed before. */
function stands(socket: TLSSocket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('secureConnect', () => resolve(true));
    socket.on('error', () => resolve(false)).once('close', () => resolve(false));
  });
}

test('a connection too many is closed at once, and one that ends makes room', async () => {
  const { open } = await signedServer(2);
  const first = open();
  expect(await stands(first)).toBe(true);
  const second = open();
  expect(await stands(second)).toBe(true);
  expect(await stands(open())).toBe(false);
  expect(first.destroyed).toBe(false);
  second.destroy();
  // Until the server has seen the end of the second.
  let third = open();
  while (!(await stands(third))) {
    await sleep(10);
    third = open();
  }
  third.destroy();
  first.destroy();
});

test('a server that closes takes no more connections, and does not wait for those without a call', async () => {
  const { server, open } = await signedServer(2);
  const socket = open();
  expect(await stands(socket)).toBe(true);
  await server.close();
  expect(await stands(open())).toBe(false);
  socket.destroy();
});
