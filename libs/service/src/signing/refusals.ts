import type { Logger } from '../logger.js';

/** Requests refused before anybody was authenticated, counted for the operator's log. */
export interface Refusals {
  note(source: string, reason: string): void;
  close(): void;
}

/** More sources in one second than this are counted together: a stranger fills neither the journal nor this log. */
const maxSources = 200;

/** One line for each source and reason and second. */
export function refusals(log: Logger): Refusals {
  let counts = new Map<string, number>();
  const flush = (): void => {
    if (counts.size === 0) return;
    const noted = counts;
    counts = new Map();
    for (const [key, count] of noted) {
      const [source, reason] = key.split(' ', 2);
      log.warn({ source, reason, count }, 'requests refused before authentication');
    }
  };
  const timer = setInterval(flush, 1_000).unref();
  return {
    note: (source, reason) => {
      const known = counts.has(`${source} ${reason}`) || counts.size < maxSources;
      const key = known ? `${source} ${reason}` : `others ${reason}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    },
    close: () => {
      clearInterval(timer);
      flush();
    },
  };
}
