import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { refusals } from '@keystead/service/signing';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function collected() {
  const lines: Record<string, unknown>[] = [];
  const warn = (line: Record<string, unknown>): void => void lines.push(line);
  return { lines, noted: refusals({ warn } as unknown as Parameters<typeof refusals>[0]) };
}

test('one line for each source and reason and second', () => {
  const { lines, noted } = collected();
  for (let n = 0; n < 1_000; n++) noted.note('10.0.0.1', 'SignatureMismatch');
  noted.note('10.0.0.2', 'ClockSkew');
  vi.advanceTimersByTime(1_000);
  expect(lines).toEqual([
    { source: '10.0.0.1', reason: 'SignatureMismatch', count: 1_000 },
    { source: '10.0.0.2', reason: 'ClockSkew', count: 1 },
  ]);
  vi.advanceTimersByTime(5_000);
  expect(lines).toHaveLength(2);
  noted.close();
});

test('many sources share lines, so that strangers cannot fill the log', () => {
  const { lines, noted } = collected();
  for (let n = 0; n < 5_000; n++) noted.note(`10.0.${n >> 8}.${n & 255}`, 'UnknownAccessKey');
  noted.close();
  expect(lines).toHaveLength(201);
  expect(lines.at(-1)).toEqual({ source: 'others', reason: 'UnknownAccessKey', count: 4_800 });
});
