import { forgetMessages } from '@keystead/proto/serialize';

const TICK_MS = 500;
/** How often a process that is used collects what it left behind. */
const BUSY_MS = 3_000;
/** A process that had nothing to do for so long collects once more: by then no stream holds its last message any more. */
const QUIET_MS = 2_500;

let used = false;

/** To be called when a message is on its way through this process that may hold a key or a plaintext. */
export function touched(): void {
  used = true;
}

type Collect = (options: { type: 'major'; execution: 'async' }) => Promise<void>;

/**
 * Collects garbage: copies of keys and plaintexts in frames and strings that nobody can overwrite. A busy process collects
 * everything every 3 seconds, and one that falls quiet once more within 3 seconds of the last call of `touched`. Needs
 * --expose-gc, without which it does nothing; with --clear-free-memory V8 overwrites what it frees, and with
 * glibc.malloc.perturb the C library does.
 */
export function forgetRegularly(): void {
  const collect = (globalThis as { gc?: Collect }).gc;
  if (!collect) return;
  // Small buffers would share blocks of 8 KiB, which one of them that lives long keeps from being collected.
  Buffer.poolSize = 0;
  let [usedAt, collectedAt] = [0, 0];
  setInterval(() => {
    const now = performance.now();
    if (used) [used, usedAt] = [false, now];
    const settledAt = usedAt + QUIET_MS;
    const quiet = usedAt > 0 && now >= settledAt && collectedAt < settledAt;
    const busy = usedAt > collectedAt && now - collectedAt >= BUSY_MS;
    if (!quiet && !busy) return;
    collectedAt = now;
    forgetMessages();
    coverStack(depth);
    // Not from here: what the calls below this one have just had in hand would be kept.
    void collect({ type: 'major', execution: 'async' });
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
