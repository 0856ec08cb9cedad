import { forgetMessages } from '@keystead/proto/serialize';

const TICK_MS = 500;
/** A process that had nothing to do for so long collects everything that it left behind. */
const QUIET_MS = 3_000;
/** How often a busy process collects what is young, and how often everything. */
const YOUNG_MS = 3_000;
const ALL_MS = 60_000;

let used = false;

/** To be called when a message is on its way through this process that may hold a key or a plaintext. */
export function touched(): void {
  used = true;
}

type Collect = (options: { type: 'major' | 'minor' }) => void;

/**
 * Collects garbage: copies of keys and plaintexts in frames and strings that nobody can overwrite. A process that falls
 * quiet collects everything within 4 seconds of the last call of `touched`. A busy one collects what is young every 3
 * seconds, and everything once a minute: a whole collection makes V8 compile again what it had optimized, which every
 * few seconds would cost a third of the CPU. Needs --expose-gc, without which it does nothing; with --clear-free-memory
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
    if (usedAt <= allAt) return;
    if (now - usedAt >= QUIET_MS || now - allAt >= ALL_MS) {
      allAt = now;
      forgetMessages();
      coverStack(depth);
      collect({ type: 'major' });
    } else if (now - youngAt >= YOUNG_MS) {
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
