import { writeFileSync } from 'node:fs';
import { ConfigError, type Environment } from './config.js';
import type { Logger } from './logger.js';

/**
 * Makes it harder to read the memory of this process: a core file of it holds no memory (Linux), and SIGUSR1, which
 * starts Node's inspector, is noted and does nothing.
 */
export function harden(log: Logger): void {
  process.on('SIGUSR1', () => log.warn('SIGUSR1 was sent: the inspector stays off'));
  if (process.platform !== 'linux') return;
  try {
    // A bit for each kind of memory that is dumped; see core(5). Threads and children inherit it.
    writeFileSync('/proc/self/coredump_filter', '0');
  } catch (error) {
    log.warn({ err: error }, 'core files may hold memory of this process: set `ulimit -c 0`');
  }
}

const WATCHING =
  /(^|\s)(-r\b|--(inspect|heapsnapshot|heap-prof|cpu-prof|report|diagnostic|abort-on|require|import|loader|experimental-loader))/;

/** Throws ConfigError if Node was told to open itself to a debugger, to write its memory down, or to load code first. */
export function mustNotBeWatched(env: Environment, flags: readonly string[]): void {
  const told = [env['NODE_OPTIONS'] ?? '', ...flags].find((text) => WATCHING.test(text));
  if (told !== undefined)
    throw new ConfigError(`This service does not start with "${told}": Node would give its memory away.`);
}
