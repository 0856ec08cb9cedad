import type { KeysteadError } from '@keystead/errors';
import type { Exchange } from './exchange.js';
import { answer } from './answer.js';

/** The pages under /_keystead/. */
export interface OwnPages {
  /** The state of every service by its name, "SERVING" or why not. */
  health(): Promise<Record<string, string>>;
  /** Forgets all users' data; absent unless the installation is a test harness. */
  readonly reset: (() => Promise<void>) | undefined;
}

/** Serves /_keystead/health and, in test mode, POST /_keystead/reset. */
export async function serveOwn(pages: OwnPages, exchange: Exchange, path: string): Promise<void> {
  const { method } = exchange.request;
  if (path === '/_keystead/health' && (method === 'GET' || method === 'HEAD')) return health(pages, exchange);
  if (path === '/_keystead/reset' && method === 'POST' && pages.reset) return reset(pages.reset, exchange);
  sendPage(exchange, 404, { error: 'There is no such page.' });
}

async function health(pages: OwnPages, exchange: Exchange): Promise<void> {
  const services = await pages.health();
  const well = Object.values(services).every((state) => state === 'SERVING');
  sendPage(exchange, well ? 200 : 503, { status: well ? 'SERVING' : 'NOT_SERVING', services });
}

async function reset(run: () => Promise<void>, exchange: Exchange): Promise<void> {
  // Browsers name the page that asks, tools do not: no page that a developer looks at shall reset the harness.
  if (exchange.head.headers.has('origin')) {
    sendPage(exchange, 403, { error: 'A web page may not ask for this.' });
    return;
  }
  try {
    await run();
    sendPage(exchange, 200, { status: 'RESET' });
  } catch (error) {
    sendPage(exchange, 500, { error: (error as KeysteadError).message });
  }
}

function sendPage({ response, id }: Exchange, status: number, page: object): void {
  answer(response, status, ['Content-Type', 'application/json', 'x-amzn-RequestId', id], `${JSON.stringify(page)}\n`);
}
