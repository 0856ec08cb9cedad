/** Longest time between the use of a secret and the collection of what was made of it. */
const FORGET_MS = 3_000;
const TICK_MS = 500;

let touchedAt: number | undefined;

/** To be called when a message is on its way through this process that may hold a key or a plaintext. */
export function touched(): void {
  touchedAt ??= performance.now();
}

/**
 * Collects garbage within 4 seconds of a call of `touched`: copies of keys and plaintexts in frames and strings that
 * nobody can overwrite. Needs --expose-gc, without which it does nothing; with --clear-free-memory V8 overwrites what
 * it frees, and with glibc.malloc.perturb the C library does. A collection takes 10 to 30 ms of a busy thread.
 */
export function forgetRegularly(): void {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (!collect) return;
  // Small buffers would share blocks of 8 KiB, which one of them that lives long keeps from being collected.
  Buffer.poolSize = 0;
  setInterval(() => {
    if (touchedAt === undefined || performance.now() - touchedAt < FORGET_MS) return;
    touchedAt = undefined;
    collect();
  }, TICK_MS).unref();
}
