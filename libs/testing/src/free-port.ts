import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below what operating systems give to outgoing connections, which could take a port between this look and its use. */
const range = { from: 10_240, to: 32_000 } as const;
const given = new Set<number>();

/** A TCP port of 127.0.0.1 that is free, and that this process has not been given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(range.from, range.to);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

/** The first of four free ports in a row, as `keystead up --port` wants them: edge, S3 and both ways into gRPC. */
export async function fourFreePorts(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if ((await isFree(port + 1)) && (await isFree(port + 2)) && (await isFree(port + 3))) return port;
  }
}

/** Whether 127.0.0.1 could be listened on at this port a moment ago. */
function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
