import type { Logger } from '@keystead/service';

/** Counts requests that were refused before authentication, and tells the operator once a second. */
export interface Refusals {
  count(sourceIp: string, code: string): void;
  close(): void;
}

const INTERVAL_MS = 1_000;
/** Sources that are told apart in one second; the others are counted together. */
const MOST_SOURCES = 1_000;

export function refusals(log: Logger): Refusals {
  const counts = new Map<string, number>();
  const tell = (): void => {
    for (const [what, count] of counts) {
      const [sourceIp, code] = what.split(' ');
      log.warn({ sourceIp, code, count }, 'requests refused before authentication');
    }
    counts.clear();
  };
  const timer = setInterval(tell, INTERVAL_MS).unref();
  return {
    count(sourceIp, code) {
      const source = counts.size < MOST_SOURCES ? sourceIp : 'others';
      counts.set(`${source} ${code}`, (counts.get(`${source} ${code}`) ?? 0) + 1);
    },
    close() {
      clearInterval(timer);
      tell();
    },
  };
}
