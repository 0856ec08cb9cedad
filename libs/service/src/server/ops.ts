import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { splitAddress, type Address } from '../config.js';
import type { Metrics } from '../metrics.js';

export interface OpsServer {
  /** host:port as bound. */
  readonly address: Address;
  close(): Promise<void>;
}

/** Plain HTTP for probes and scrapers: /livez, /readyz (503 until ready), /metrics. Nothing else, nothing secret. */
export async function opsServer(
  listen: Address,
  isReady: () => Promise<boolean>,
  metrics: Metrics,
): Promise<OpsServer> {
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, listener(isReady, metrics));
  const address = await listening(server, listen);
  return {
    address,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

function listener(isReady: () => Promise<boolean>, metrics: Metrics): RequestListener {
  const routes: Record<string, () => Promise<[number, string]>> = {
    '/livez': async () => [200, 'ok\n'],
    '/readyz': async () => ((await isReady()) ? [200, 'ready\n'] : [503, 'not ready\n']),
    '/metrics': async () => [200, await metrics.metrics()],
  };
  return (request, response) => {
    const route = request.method === 'GET' ? routes[request.url ?? ''] : undefined;
    const answer = route ? route() : Promise.resolve<[number, string]>([404, 'not found\n']);
    const failed = (): [number, string] => [500, 'failed\n'];
    void answer
      .catch(failed)
      .then(([status, body]) => response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4' }).end(body));
  };
}

/** Binds `server`; returns host:port with the real port. Throws a sentence when the port is taken. */
export async function listening(server: Server, listen: Address): Promise<Address> {
  const { host, port } = splitAddress(listen);
  await new Promise<void>((bound, failed) => {
    server.once('error', (error) => failed(new Error(`Cannot listen on ${listen}: ${error.message}`)));
    server.listen(port, host, bound);
  });
  const bound = (server.address() as AddressInfo).port;
  return host.includes(':') ? `[${host}]:${bound}` : `${host}:${bound}`;
}
