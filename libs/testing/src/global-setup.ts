import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startTestPostgres, type TestPostgres } from './postgres.js';

/** Where a test file asks for the PostgreSQL of this run. */
export const brokerVariable = 'KEYSTEAD_TEST_POSTGRES_BROKER';

/**
 * vitest's globalSetup: one PostgreSQL for a run, started when the first test file asks for it, because most runs of one
 * library need none.
 */
export default async function setup(): Promise<() => Promise<void>> {
  let postgres: Promise<TestPostgres> | undefined;
  const broker = createServer((_request, response) => {
    postgres ??= startTestPostgres(process.env);
    postgres.then(
      ({ adminUrl, adminPassword }) => response.end(JSON.stringify({ adminUrl, adminPassword })),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });
  await new Promise<void>((bound) => broker.listen(0, '127.0.0.1', bound));
  process.env[brokerVariable] = `http://127.0.0.1:${(broker.address() as AddressInfo).port}`;
  return async () => {
    broker.closeAllConnections();
    broker.close();
    await (await postgres?.catch(() => undefined))?.stop();
  };
}
