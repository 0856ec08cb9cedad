import { forgetMessages } from '@keystead/proto/serialize';

const TICK_MS = 500;
/** A process that had nothing to do for so long collects everything: by then no stream holds its last message any more. */
const QUIET_MS = 2_500;
/** How often a busy process collects what is young, and how often everything. */
const YOUNG_MS = 2_500;
const ALL_MS = 30_000;

let used = false;

/** To be called when a message is on its way through this process that may hold a key or a plaintext. */
export function touched(): void {
  used = true;
}

type Collect = (options: { type: 'major' | 'minor'; execution?: 'async' }) => unknown;

/**
 * Collects garbage: copies of keys and plaintexts in frames and strings that nobody can overwrite. A process that falls
 * quiet collects everything within 3 seconds of the last call of `touched`. A busy one collects what is young every 2.5
 * seconds, and everything twice a minute: a whole collection makes V8 compile again what it had optimized, which every
 * few seconds would cost a fourth of the CPU. Needs --expose-gc, without which it does nothing; with --clear-free-memory
 * V8 overwrites what it frees, and with glibc.malloc.perturb the C library does.
 */
export function forgetRegularly(): void {
  const collect = (globalThis as { gc?: Collect }).gc;
  if (!collect) return;
  // Small buffers would share blocks of 8 KiB, which one of them that lives long keeps from being collected.
  Buffer.poolSize = 0;
  let [usedAt, youngAt, allAt] = [0, 0, 0];
  setInterval(() => {
    const now = performance.now();
    if (used) [used, usedAt] = [false, now];
    const settledAt = usedAt + QUIET_MS;
    const quiet = usedAt > 0 && now >= settledAt && allAt < settledAt;
    const busy = usedAt > Math.max(youngAt, allAt);
    if (quiet || (busy && now - allAt >= ALL_MS)) {
      [youngAt, allAt] = [now, now];
      forgetMessages();
      coverStack(depth);
      // Node.js 20 collects only what is young when it is asked for the rest without `execution`.
      void collect({ type: 'major', execution: 'async' });
    } else if (busy && now - youngAt >= YOUNG_MS) {
      youngAt = now;
      forgetMessages();
      coverStack(depth);
      collect({ type: 'minor' });
    }
  }, TICK_MS).unref();
}

/** Calls upon each other: with their arguments some hundred KiB, and no native function goes deeper. */
const depth = 1_000;

/**
 * Node decrypts what TLS brings into 16 KiB on the stack, where a long message stays behind the short ones that follow.
 * Calls that go deeper overwrite it.
 */
function coverStack(left: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0): number {
  return left === 0 ? a : coverStack(left - 1, b, c, d, e, f, g, h, left) + 1;
}
