import { ChangeServiceService } from '@keystead/proto/common';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LeasedCache, LeaseHub, lease, type Lease } from '../src/index.js';
import { Bench, later, log, proxyTo, until, type Proxy } from './harness.js';

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.open();
});
afterEach(() => bench[Symbol.asyncDispose]());

/** An owner with a value per key, as its database would have it. */
class Owner {
  sequence = 1n;
  readonly values = new Map<string, string>([['a', 'a1']]);
  loads = 0;
  databaseFails = false;
  readonly hub: LeaseHub;

  constructor(replicas = 1) {
    this.hub = bench.own(
      new LeaseHub({
        replicas,
        log,
        sequence: async () => {
          if (this.databaseFails) throw new Error('no database');
          return this.sequence;
        },
      }),
    );
  }

  serve(): Promise<{ address: string }> {
    const implementation = { watch: this.hub.watch };
    return bench.serve([{ definition: ChangeServiceService, implementation }], { name: 'iam-service' });
  }

  readonly load = async (key: string): Promise<string | undefined> => {
    this.loads++;
    return this.values.get(key);
  };

  /** Commits a change here; returns how long the acknowledgement took, in ms. */
  async change(key: string, value: string): Promise<number> {
    this.values.set(key, value);
    const sequence = ++this.sequence;
    const begun = performance.now();
    this.hub.changed(sequence, [key]);
    await this.hub.acknowledged(sequence);
    return performance.now() - begun;
  }
}

async function watching(owner: Owner, address: string): Promise<{ lease: Lease; cache: LeasedCache<string> }> {
  const tls = await bench.identity('kms-service');
  const subscription = bench.own(lease({ address, tls, expected: 'iam-service', subscriber: 'test' }));
  const cache = bench.own(new LeasedCache<string>({ lease: subscription, load: owner.load, maxEntries: 3 }));
  await until(() => subscription.fresh());
  return { lease: subscription, cache };
}

async function set(replicas = 1): Promise<{ owner: Owner; proxy: Proxy; lease: Lease; cache: LeasedCache<string> }> {
  const owner = new Owner(replicas);
  const proxy = bench.own(await proxyTo((await owner.serve()).address));
  return { owner, proxy, ...(await watching(owner, proxy.address)) };
}

test('memory serves while the owner vouches, and forgets a changed key before the change is acknowledged', async () => {
  const { owner, cache } = await set();
  await later(1_000); // leases that an earlier owner might have given are over
  expect([await cache.get('a'), await cache.get('a'), cache.peek('a'), owner.loads]).toEqual(['a1', 'a1', 'a1', 1]);
  expect(await owner.change('a', 'a2')).toBeLessThan(200);
  expect([cache.peek('a'), await cache.get('a')]).toEqual([undefined, 'a2']);
});

test('many changes while many read: nothing old is served after its acknowledgement', async () => {
  const { owner, cache } = await set();
  await later(1_000);
  let acknowledged = 0;
  let old = 0;
  let stop = false;
  const reader = async (): Promise<void> => {
    while (!stop) {
      const least = acknowledged;
      const value = Number(((await cache.get('n')) ?? '0').slice(0));
      if (value < least) old++;
      await later(0);
    }
  };
  const readers = Array.from({ length: 20 }, reader);
  for (let n = 1; n <= 100; n++) {
    await owner.change('n', String(n));
    acknowledged = n;
  }
  stop = true;
  await Promise.all(readers);
  expect(old).toBe(0);
});

test('a subscriber that hears nothing stops serving within a second, and nobody waits longer for it', async () => {
  const { owner, proxy, lease: subscription, cache } = await set();
  await cache.get('a');
  await later(1_000);
  await proxy.down();
  const took = await owner.change('a', 'a2');
  expect(took).toBeLessThan(1_100);
  expect(subscription.fresh()).toBe(false);
  expect(await cache.get('a')).toBe('a2');
  await proxy.up();
  await until(() => subscription.fresh());
  expect(await cache.get('a')).toBe('a2');
});

test('what another replica changed is noticed by the counter row', async () => {
  const { owner, cache } = await set();
  await cache.get('a');
  owner.values.set('a', 'a2');
  owner.sequence++;
  await until(() => cache.peek('a') === undefined, 1_000);
  await later(300);
  expect(await cache.get('a')).toBe('a2');
});

test('with several replicas a change waits for the leases that the others gave', async () => {
  const { owner } = await set(2);
  await later(1_000);
  const took = await owner.change('a', 'a2');
  expect(took).toBeGreaterThan(950);
  expect(took).toBeLessThan(1_300);
});

test('a new owner process waits for the leases of the one before it', async () => {
  const owner = new Owner();
  expect(await owner.change('a', 'a2')).toBeGreaterThan(900);
});

test('when the owner cannot read its database, caches stop serving', async () => {
  const { owner, lease: subscription } = await set();
  owner.databaseFails = true;
  await until(() => !subscription.fresh(), 1_500);
  owner.databaseFails = false;
  await until(() => subscription.fresh(), 1_500);
});

test('what does not exist is remembered for a second at most, and never past its creation', async () => {
  const { owner, cache } = await set();
  await later(1_000);
  expect([await cache.get('x'), await cache.get('x'), owner.loads]).toEqual([undefined, undefined, 1]);
  await owner.change('x', 'x1');
  expect(await cache.get('x')).toBe('x1');
  await cache.get('y');
  await later(1_050);
  const { loads } = owner;
  await cache.get('y');
  expect(owner.loads).toBe(loads + 1);
});

test('a key that changes while it loads is loaded again', async () => {
  let changed: (keys: readonly string[] | undefined) => void = () => undefined;
  const always = {
    fresh: () => true,
    onChange: (listener: typeof changed) => {
      changed = listener;
      return () => undefined;
    },
  };
  let loads = 0;
  const cache = new LeasedCache<number>({
    lease: always,
    maxEntries: 10,
    load: async () => {
      const mine = ++loads;
      await later(20);
      return mine;
    },
  });
  const value = cache.get('a');
  changed(['a']);
  expect(await value).toBe(2);
  expect(cache.peek('a')).toBe(2);
  const both = Promise.all([cache.get('b'), cache.get('b')]);
  expect(await both).toEqual([3, 3]);
});

test('a value that may only be so old is asked for anew, by the caller who knows how', async () => {
  const always = { fresh: () => true, onChange: () => () => undefined };
  const cache = new LeasedCache<number>({ lease: always, maxEntries: 10, maxAgeMs: 1 });
  expect(await cache.get('a', () => Promise.resolve(1))).toBe(1);
  await later(5);
  expect(cache.peek('a')).toBeUndefined();
  expect(await cache.get('a', () => Promise.resolve(2))).toBe(2);
  await expect(cache.get('b')).rejects.toThrow('does not know how to load');
});

test('the least used entries leave', async () => {
  const { owner, cache } = await set();
  for (const key of ['k1', 'k2', 'k3']) owner.values.set(key, key);
  for (const key of ['k1', 'k2', 'k3', 'k1', 'a']) await cache.get(key);
  expect(['k1', 'k2', 'k3', 'a'].map((key) => cache.peek(key))).toEqual(['k1', undefined, 'k3', 'a1']);
});

test('principals may not watch', async () => {
  const owner = new Owner();
  const { address } = await owner.serve();
  const { tlsIdentity } = await import('../src/index.js');
  const tls = bench.own(tlsIdentity(await bench.pki.dirFor('spiffe://keystead.local/operator/x')));
  const subscription = bench.own(lease({ address, tls, expected: 'iam-service', subscriber: 'test' }));
  await later(700);
  expect(subscription.fresh()).toBe(false);
});

test('values of different weight share the room, and the oldest unused leave', async () => {
  let changed: (keys: readonly string[] | undefined) => void = () => undefined;
  const lease = {
    fresh: () => true,
    onChange: (listener: typeof changed) => {
      changed = listener;
      return () => undefined;
    },
  };
  const load = (key: string): Promise<number> => Promise.resolve(Number(key.slice(1)));
  const cache = new LeasedCache<number>({ lease, maxEntries: 10, weigh: (value) => value, load });
  const inMemory = (): string[] => ['a4', 'b4', 'c3', 'd9', 'e11', 'f1'].filter((key) => cache.peek(key) !== undefined);
  for (const key of ['a4', 'b4']) await cache.get(key);
  expect(inMemory()).toEqual(['a4', 'b4']);
  cache.peek('a4');
  await cache.get('c3');
  expect(inMemory()).toEqual(['a4', 'c3']);
  changed(['a4']);
  await cache.get('f1');
  await cache.get('b4');
  expect(inMemory()).toEqual(['b4', 'c3', 'f1']);
  await cache.get('d9');
  expect(inMemory()).toEqual(['d9', 'f1']);
  expect(await cache.get('e11')).toBe(11);
  expect(inMemory()).toEqual([]);
  changed(undefined);
  for (const key of ['a4', 'b4']) await cache.get(key);
  expect(inMemory()).toEqual(['a4', 'b4']);
});
