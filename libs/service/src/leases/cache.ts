import type { Lease } from './subscription.js';

export interface LeasedCacheOptions<V> {
  readonly lease: Pick<Lease, 'fresh' | 'onChange'>;
  /** Asks the owner; undefined means that there is no such thing. */
  readonly load?: (key: string) => Promise<V | undefined>;
  /** The oldest unused entries leave beyond this. */
  readonly maxEntries: number;
  /** As how many entries a value counts; default 1. */
  weigh?(value: V): number;
  /** How long a value is served at most, in ms, whatever the owner says; default without end. */
  readonly maxAgeMs?: number;
}

/** What is not there is remembered this long at most. */
const unknownMs = 1_000;
/** A key that changes faster than it loads is answered after this many loads. */
const maxLoads = 3;

interface Stored<V> {
  readonly value: V | undefined;
  /** Served before this (performance.now). */
  readonly until: number;
  readonly weight: number;
}

interface Loading<V> {
  readonly promise: Promise<V | undefined>;
  /** The key was named void meanwhile. */
  stale: boolean;
}

/** Answers from memory while the owner vouches for it (design §3 "Caches are leases"), else asks afresh each time. */
export class LeasedCache<V> {
  readonly #options: LeasedCacheOptions<V>;
  readonly #entries = new Map<string, Stored<V>>();
  readonly #loading = new Map<string, Loading<V>>();
  readonly #stop: () => void;
  /** Of all entries. */
  #weight = 0;

  constructor(options: LeasedCacheOptions<V>) {
    this.#options = options;
    this.#stop = options.lease.onChange((keys) => this.#void(keys));
  }

  /** The value in memory if it may be served now: the way without a promise. Undefined says nothing about existence. */
  peek(key: string): V | undefined {
    return this.#stored(key)?.value;
  }

  /**
   * The value, from memory or from the owner; undefined when the owner knows none. Rejects as `load` does, which is that
   * of the cache unless this caller knows better how to ask.
   */
  async get(key: string, load = this.#options.load): Promise<V | undefined> {
    const stored = this.#stored(key);
    if (stored) return stored.value;
    if (!load) throw new TypeError('this cache does not know how to load');
    for (let loads = 1; ; loads++) {
      const loading = this.#load(key, load);
      const value = await loading.promise;
      if (!loading.stale || loads === maxLoads) return value;
    }
  }

  close(): void {
    this.#stop();
    this.#void(undefined);
  }

  #stored(key: string): Stored<V> | undefined {
    const stored = this.#entries.get(key);
    if (!stored || !this.#options.lease.fresh()) return undefined;
    if (stored.until <= performance.now()) {
      this.#forget(key);
      return undefined;
    }
    this.#entries.delete(key);
    this.#entries.set(key, stored); // now the youngest
    return stored;
  }

  #load(key: string, load: (key: string) => Promise<V | undefined>): Loading<V> {
    const shared = this.#options.lease.fresh();
    const running = shared ? this.#loading.get(key) : undefined;
    if (running) return running;
    // In the trace of whoever came first, which is the call that caused it; others only wait for what it brings.
    const loading: Loading<V> = { stale: false, promise: load(key) };
    // Without a lease nobody tells us when it becomes stale: such a load is for one caller and is not kept.
    if (!shared) return loading;
    this.#loading.set(key, loading);
    const forget = (): void => {
      if (this.#loading.get(key) === loading) this.#loading.delete(key);
    };
    loading.promise.then((value) => {
      forget();
      if (!loading.stale) this.#store(key, value);
    }, forget);
    return loading;
  }

  #store(key: string, value: V | undefined): void {
    this.#forget(key);
    const weight = value === undefined ? 1 : (this.#options.weigh?.(value) ?? 1);
    const ageMs = value === undefined ? unknownMs : (this.#options.maxAgeMs ?? Infinity);
    this.#entries.set(key, { value, until: performance.now() + ageMs, weight });
    this.#weight += weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.#options.maxEntries) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#weight -= this.#entries.get(key)?.weight ?? 0;
    this.#entries.delete(key);
  }

  #void(keys: readonly string[] | undefined): void {
    if (keys === undefined) {
      this.#entries.clear();
      this.#weight = 0;
      for (const loading of this.#loading.values()) loading.stale = true;
      this.#loading.clear();
      return;
    }
    for (const key of keys) {
      this.#forget(key);
      const loading = this.#loading.get(key);
      if (loading) loading.stale = true;
      this.#loading.delete(key);
    }
  }
}
