/** What one slice of load did. */
export interface Sample {
  readonly requests: number;
  /** From the first request to the last answer. */
  readonly seconds: number;
  /** Of every request, in milliseconds. */
  readonly latencies: readonly number[];
}

/** Callers that each wait for their answer before they ask again. The first failure ends the load and is thrown. */
export async function closedLoop(
  callers: number,
  seconds: number,
  once: (caller: number) => Promise<unknown>,
): Promise<Sample> {
  const latencies: number[] = [];
  const begun = performance.now();
  const until = begun + seconds * 1_000;
  const caller = async (_: unknown, number: number): Promise<void> => {
    for (let now = performance.now(); now < until;) {
      await once(number);
      const answered = performance.now();
      latencies.push(answered - now);
      now = answered;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { requests: latencies.length, seconds: (performance.now() - begun) / 1_000, latencies };
}
