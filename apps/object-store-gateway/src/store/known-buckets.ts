import type { Bucket } from './buckets.js';

/** How long a bucket may be believed to be as it was: changes made here are known at once, those of replicas after this. */
const LIFE_MS = 1_000;
const MOST = 10_000;

/**
 * Buckets as they were less than a second ago, for writes: the statement that puts an object into the index looks whether
 * the bucket still has the same owner. A bucket that is not there is never remembered.
 */
export class KnownBuckets {
  readonly #find: (name: string) => Promise<Bucket | undefined>;
  readonly #known = new Map<string, { readonly bucket: Bucket; readonly until: number }>();
  #changes = 0;

  constructor(find: (name: string) => Promise<Bucket | undefined>) {
    this.#find = find;
  }

  async get(name: string): Promise<Bucket | undefined> {
    const known = this.#known.get(name);
    if (known && performance.now() < known.until) return known.bucket;
    const [asked, changes] = [performance.now(), this.#changes];
    const bucket = await this.#find(name);
    // What was read while something changed may be from before.
    if (bucket && changes === this.#changes) this.#remember(bucket, asked + LIFE_MS);
    return bucket;
  }

  /** To be called when a bucket of this process may have changed. */
  forget(): void {
    this.#changes++;
    this.#known.clear();
  }

  #remember(bucket: Bucket, until: number): void {
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(bucket.name, { bucket, until });
  }
}
