import { randomInt } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../failure.js';

/** The ports of one installation. */
export interface Ports {
  readonly edge: number;
  readonly s3: number;
  readonly kms: number;
  /** gRPC of kms-service for callers who sign. */
  readonly kmsCredentials: number;
  readonly free: readonly number[];
}

// Below what operating systems give to outgoing connections: those of the first services would now and then take a
// port that is meant for a later one.
const freeFrom = 10_240;
const freeTo = 32_000;

/**
 * Chooses the ports: four that follow from the first, and `count` free ones on loopback. After a
 * launcher that was killed, its services need a moment to let go of theirs: `patienceMs`.
 */
export async function choosePorts(first: number, host: string, count: number, patienceMs: number): Promise<Ports> {
  for (const port of [first, first + 1, first + 2, first + 3]) await untilFree(port, host, patienceMs);
  const free = new Set<number>();
  while (free.size < count) {
    const port = randomInt(freeFrom, freeTo);
    if (port >= first && port <= first + 3) continue;
    if (typeof (await tryListen(port, '127.0.0.1')) === 'number') free.add(port);
  }
  return { edge: first, s3: first + 1, kms: first + 2, kmsCredentials: first + 3, free: [...free] };
}

async function untilFree(port: number, host: string, patienceMs: number): Promise<void> {
  const until = Date.now() + patienceMs;
  for (;;) {
    const result = await tryListen(port, host);
    if (typeof result === 'number') return;
    if (result.code !== 'EADDRINUSE' || Date.now() >= until) throw new Failure(sentence(port, host, result));
    await sleep(100);
  }
}

function sentence(port: number, host: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE')
    return `Port ${port} is in use: stop the program that has it, or choose other ports with --port.`;
  return `Cannot listen on ${host}:${port}: ${error.message}`;
}

function tryListen(port: number, host: string): Promise<number | NodeJS.ErrnoException> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', resolve);
    server.listen(port, host, () => {
      const { port: taken } = server.address() as AddressInfo;
      server.close(() => resolve(taken));
    });
  });
}
