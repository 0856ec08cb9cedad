import { closeSync, fdatasyncSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const page = Buffer.alloc(8 << 10, 0x5a);
const pages = 2_048;

/** How many times a second a page can be written durably into a file that has its size, one after the other: what a log does. */
export function fsyncsPerSecond(directory: string, seconds: number): number {
  const path = join(directory, 'fsync-probe');
  const file = openSync(path, 'w');
  try {
    for (let n = 0; n < pages; n++) writeSync(file, page, 0, page.length, n * page.length);
    fsyncSync(file);
    const begun = performance.now();
    const until = begun + seconds * 1_000;
    let done = 0;
    while (performance.now() < until) {
      writeSync(file, page, 0, page.length, (done++ % pages) * page.length);
      fdatasyncSync(file);
    }
    return done / ((performance.now() - begun) / 1_000);
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}
