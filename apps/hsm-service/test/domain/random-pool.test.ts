import { expect, test } from 'vitest';
import { randomPool } from '../../src/domain/random-pool.js';

test('gives fresh memory of the length asked for, never the same bytes twice', () => {
  const random = randomPool();
  const seen = new Set<string>();
  for (let i = 0; i < 2000; i++) seen.add(random(24).toString('hex'));
  expect(seen.size).toBe(2000);
  expect([...seen].every((text) => text.length === 48)).toBe(true);
  expect(random(5000)).toHaveLength(5000);
});
