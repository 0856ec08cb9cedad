import { PerformanceObserver, constants, type PerformanceEntry } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { forgetMessages } from '@keystead/proto/serialize';

const TICK_MS = 500;
/** A process that had nothing to do for so long collects everything: by then no stream holds its last message any more. */
const QUIET_MS = 2_500;
/** No longer than this, and a tick, lies between two whole collections of a busy process. */
const BUSY_MS = 2_000;
/** A whole collection that is not known to have come so long after it was asked for is forced. News of it takes a tick. */
const PATIENCE_MS = 750;

/** What starting left behind counts as used. */
let used = true;

/** To be called when a message is on its way through this process that may hold a key or a plaintext. */
export function touched(): void {
  used = true;
}

type Collect = (options: { type: 'major' | 'minor'; execution?: 'async' }) => unknown;

/**
 * Collects garbage: copies of keys and plaintexts in frames and strings that nobody can overwrite. A process that falls
 * quiet collects everything within 3 seconds of the last call of `touched`, a busy one at least every 2.5 seconds.
 * Needs --expose-gc, without which it does nothing; with --clear-free-memory V8 overwrites what it frees, and with
 * glibc.malloc.perturb the C library does.
 */
export function forgetRegularly(): void {
  const collect = (globalThis as { gc?: Collect }).gc;
  if (!collect) return;
  // Small buffers would share blocks of 8 KiB, which one of them that lives long keeps from being collected.
  Buffer.poolSize = 0;
  let [usedAt, askedAt, collectedAt] = [0, 0, 0];
  onWholeCollection((at) => (collectedAt = at));
  setInterval(() => {
    const now = performance.now();
    if (used) [used, usedAt] = [false, now];
    if (askedAt > collectedAt) {
      // Node.js 20 collects only what is young when it is asked for the rest without `execution`.
      if (now - askedAt >= PATIENCE_MS) void collect({ type: 'major', execution: 'async' });
      return;
    }
    const settledAt = usedAt + QUIET_MS;
    const quiet = usedAt > 0 && now >= settledAt && collectedAt < settledAt;
    const busy = usedAt > collectedAt && now - collectedAt >= BUSY_MS;
    if (!quiet && !busy) return;
    askedAt = now;
    forgetMessages();
    coverStack(depth);
    startMarking(collect);
  }, TICK_MS).unref();
}

/** What Node.js tells of a collection; its types leave `detail` out. */
type Collection = PerformanceEntry & { readonly detail: { readonly kind: number } };

/** Tells when a whole collection has ended, of those too that V8 begins by itself. */
function onWholeCollection(ended: (at: number) => void): void {
  new PerformanceObserver((list) => {
    for (const { detail, startTime, duration } of list.getEntries() as Collection[])
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) ended(startTime + duration);
  }).observe({ entryTypes: ['gc'] });
}

/**
 * Lets V8 begin a whole collection as it does by itself: it marks step by step, most of it in threads of its own. One
 * that is forced marks all at once, and then takes shapes of objects for dead of which no object happens to live; all
 * optimized code that knows them is thrown away, which every few seconds costs a fifth of the CPU.
 */
function startMarking(collect: Collect): void {
  setFlagsFromString('--stress-incremental-marking');
  collect({ type: 'minor' });
  setFlagsFromString('--no-stress-incremental-marking');
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
