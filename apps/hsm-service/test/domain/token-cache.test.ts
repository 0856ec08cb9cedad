import { expect, test } from 'vitest';
import { TokenCache, type OpenKey } from '../../src/domain/token-cache.js';

const limits = { maxEntries: 2, ttlMs: 1000 };

function cacheAt(clock: { now: number }): { get: (name: string) => OpenKey; cache: TokenCache; opened: string[] } {
  const cache = new TokenCache(limits, () => clock.now);
  const opened: string[] = [];
  const open = (name: string): OpenKey => {
    opened.push(name);
    return { account: '', keyId: name, material: Buffer.from('secret') } as OpenKey;
  };
  return { cache, opened, get: (name) => cache.get(Buffer.from(name), () => open(name)) };
}

test('opens a token once while it is fresh', () => {
  const { get, opened } = cacheAt({ now: 0 });
  expect(get('a')).toMatchObject({ keyId: 'a' });
  expect(get('a')).toMatchObject({ keyId: 'a' });
  expect(opened).toEqual(['a']);
});

test('overwrites the material that was used longest ago when it is full', () => {
  const { get, cache } = cacheAt({ now: 0 });
  const [a, b] = [get('a'), get('b')];
  get('a');
  get('c');
  expect(cache.size).toBe(2);
  expect(a.material.toString()).toBe('secret');
  expect(b.material).toEqual(Buffer.alloc(6));
});

test('time counts from the unwrapping, however often the key is used', () => {
  const clock = { now: 0 };
  const { get, opened } = cacheAt(clock);
  const first = get('a');
  for (clock.now = 100; clock.now < 1000; clock.now += 100) get('a');
  get('a');
  expect(opened).toEqual(['a', 'a']);
  expect(first.material).toEqual(Buffer.alloc(6));
});

test('a sweep overwrites what nobody asks for any more', () => {
  const clock = { now: 0 };
  const { get, cache } = cacheAt(clock);
  const old = get('a');
  clock.now = 1000;
  const young = get('b');
  cache.sweep();
  expect(cache.size).toBe(1);
  expect(old.material).toEqual(Buffer.alloc(6));
  cache.clear();
  expect(young.material).toEqual(Buffer.alloc(6));
});

test('a token that does not open leaves nothing behind', () => {
  const { cache } = cacheAt({ now: 0 });
  const refuse = (): never => {
    throw new Error('no');
  };
  expect(() => cache.get(Buffer.from('a'), refuse)).toThrow('no');
  expect(cache.size).toBe(0);
});
