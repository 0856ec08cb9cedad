/**
 * At most how long this thread was busy, µs: other programs make the elapsed time longer, and V8's own threads, whose CPU
 * time the system counts in ticks of up to 4 ms, the CPU time of the process. Whatever is shorter bounds it.
 */
export function busyMicros(run: () => void): number {
  const [began, before] = [performance.now(), process.cpuUsage()];
  run();
  const { user, system } = process.cpuUsage(before);
  return Math.min((performance.now() - began) * 1_000, user + system);
}
