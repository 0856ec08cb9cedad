/** How long a session is kept after its end, so that its keys are told expired rather than unknown. */
const keptMs = 24 * 60 * 60_000;
const everyMs = 60_000;

/** Forgets sessions that have ended. */
export function sessionSweep(
  { remove, now }: { remove: (before: Date) => Promise<number>; now: () => Date },
  failed: (error: unknown) => void,
): { close(): Promise<void> } {
  let running: Promise<unknown> = Promise.resolve();
  let closed = false;
  const round = async (): Promise<void> => {
    const before = new Date(now().getTime() - keptMs);
    // As many at a time as a statement takes; until there are no more.
    while (!closed && (await remove(before)) > 0);
  };
  const timer = setInterval(() => {
    running = running.then(round).catch(failed);
  }, everyMs).unref();
  return {
    close: async () => {
      closed = true;
      clearInterval(timer);
      await running;
    },
  };
}
