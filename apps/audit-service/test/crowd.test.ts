import { expect, test } from 'vitest';
import { Crowd } from '../src/workers/crowd.js';

function after(...sizes: readonly number[]): number {
  const crowd = new Crowd();
  for (const size of sizes) crowd.note(size);
  return crowd.expected;
}

test('a caller that is alone is never told to wait for others', () => {
  expect(after()).toBe(1);
  expect(after(1, 1, 1)).toBe(1);
});

test('two large batches are no crowd, three are', () => {
  expect(after(24, 8)).toBe(1);
  expect(after(8, 8, 24, 8)).toBe(8);
  expect(after(8, 24, 8, 24, 8, 8)).toBe(8);
  expect(after(24, 24, 24)).toBe(24);
});

test('batches of those who come late do not hide the crowd', () => {
  expect(after(14, 2, 14, 2, 14, 2, 14, 2)).toBe(14);
});

test('a crowd that has left is forgotten after six batches', () => {
  expect(after(16, 16, 16, 16, 16, 16, 16, 16, 1, 1, 1, 1, 1)).toBe(16);
  expect(after(16, 16, 16, 16, 16, 16, 16, 16, 1, 1, 1, 1, 1, 1)).toBe(1);
});
