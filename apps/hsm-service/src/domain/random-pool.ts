import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4096;

/** Where random bytes come from; tests give their own. Each answer is fresh memory owned by the caller. */
export type Random = (length: number) => Buffer;

/**
 * Random bytes drawn from the operating system 4 KiB at a time: one draw costs 5 µs, and every message needs some.
 * Bytes handed out are erased from the pool. For what lives long (keys of keys) use `randomBytes` itself.
 */
export function randomPool(): Random {
  const pool = Buffer.alloc(POOL_BYTES);
  let at = POOL_BYTES;
  return (length) => {
    if (length > POOL_BYTES) return randomFillSync(Buffer.alloc(length));
    if (at + length > POOL_BYTES) {
      randomFillSync(pool);
      at = 0;
    }
    const out = Buffer.alloc(length);
    pool.copy(out, 0, at, at + length);
    pool.fill(0, at, (at += length));
    return out;
  };
}
