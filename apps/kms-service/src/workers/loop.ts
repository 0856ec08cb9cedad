import type { Logger } from '@keystead/service';

/** Work that is done again and again; one round at a time. */
export interface Loop {
  /** Ends after the round under way. */
  close(): Promise<void>;
}

/** Runs `work` every `ms`, first after `ms`; a failed round is logged and tried again. */
export function every(ms: number, name: string, log: Logger, work: () => Promise<unknown>): Loop {
  let closed = false;
  let running: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout;
  const next = (): void => {
    if (!closed) timer = setTimeout(round, ms).unref();
  };
  const round = (): void => {
    running = work()
      .catch((error: unknown) => log.warn({ err: error, worker: name }, 'a round failed; the next one tries again'))
      .then(next);
  };
  next();
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}
