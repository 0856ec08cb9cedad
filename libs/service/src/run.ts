import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ConfigError, type Address, type Environment } from './config.js';
import { logger, type Logger } from './logger.js';
import { forgetRegularly } from './forget.js';
import { harden } from './harden.js';
import { startTelemetry } from './telemetry.js';

/** A service that serves. */
export interface Running {
  /** host:port of gRPC, or of HTTP where a service has no gRPC. */
  readonly address: Address;
  readonly opsAddress: Address;
  close(): Promise<void>;
}

/** True when the module at `url` (import.meta.url) is what node was started with. */
export function isMain(url: string): boolean {
  const [, script] = process.argv;
  if (script === undefined) return false;
  try {
    return realpathSync(script) === realpathSync(fileURLToPath(url));
  } catch {
    return false;
  }
}

/** Longest orderly stop; after it the process ends regardless. */
const stopMs = 8_000;

/**
 * Runs a service until SIGTERM or SIGINT (a second one ends it at once). A ConfigError ends the process with its one
 * sentence and code 1. With KEYSTEAD_SUPERVISED=1 the service ends when its parent does (IPC channel or stdin closed),
 * tells it `{ type: 'ready', address, opsAddress }` over IPC, and leaves SIGINT to it, so that the launcher keeps the order.
 */
export async function runService<C>(
  name: string,
  readConfig: (env: Environment) => C,
  start: (config: C) => Promise<Running>,
): Promise<void> {
  const log = logger(name, process.env['KEYSTEAD_LOG_LEVEL'] || 'info');
  const supervised = process.env['KEYSTEAD_SUPERVISED'] === '1';
  if (supervised) process.on('SIGINT', () => undefined);
  endOnUnexpected(log);
  const stopTelemetry = await startTelemetry(name, process.env);
  harden(log);
  forgetRegularly();
  let running: Running;
  try {
    running = await start(readConfig(process.env));
  } catch (error) {
    failed(name, error, log);
    return;
  }
  const { address, opsAddress } = running;
  onStop(supervised, (reason) => void stop(running, stopTelemetry, log, reason));
  log.info({ address, opsAddress }, 'serving');
  process.send?.({ type: 'ready', address, opsAddress });
}

async function stop(running: Running, stopTelemetry: () => Promise<void>, log: Logger, reason: string): Promise<void> {
  log.info({ reason }, 'stopping');
  setTimeout(() => process.exit(1), stopMs).unref();
  try {
    await running.close();
    await stopTelemetry();
    process.exit(0);
  } catch (error) {
    log.error({ err: error }, 'did not stop in order');
    process.exit(1);
  }
}

function onStop(supervised: boolean, stop: (reason: string) => void): void {
  let stopping = false;
  const once = (reason: string) => (): void => {
    if (stopping && reason.startsWith('SIG')) process.exit(1);
    if (!stopping) stop(reason);
    stopping = true;
  };
  process.on('SIGTERM', once('SIGTERM'));
  if (!supervised) process.on('SIGINT', once('SIGINT'));
  if (!supervised) return;
  if (process.channel) process.on('disconnect', once('the parent is gone'));
  else process.stdin.on('end', once('the parent is gone')).on('error', once('the parent is gone')).resume();
}

/** One clear sentence for what the operator can mend, the whole error for what only we can. */
function failed(name: string, error: unknown, log: Logger): void {
  if (error instanceof ConfigError) process.stderr.write(`${name}: ${error.message}\n`);
  else log.fatal({ err: error }, `${name} cannot start: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

function endOnUnexpected(log: Logger): void {
  const end = (error: unknown): void => {
    log.fatal({ err: error }, 'unexpected');
    process.exit(1);
  };
  process.on('unhandledRejection', end).on('uncaughtException', end);
}
