import { expect, test } from 'vitest';
import { asKeysteadError, fromWire, hasCode, isCode, KeysteadError, toWire, wire } from '../src/index.js';

test('an error keeps code, message and details across the wire', () => {
  const sent = new KeysteadError('Disabled', 'arn is disabled.', { details: { resource: 'arn' } });
  const received = fromWire(toWire(sent));
  expect(received).toMatchObject({ code: 'Disabled', message: 'arn is disabled.', details: { resource: 'arn' } });
  expect(received.name).toBe('DisabledException');
});

test('what is not ours becomes Internal with an id, and its cause does not travel', () => {
  const error = asKeysteadError(new Error('password=hunter2'));
  expect(error.code).toBe('Internal');
  expect(JSON.stringify(toWire(error))).not.toContain('hunter2');
  expect(error.message).toContain(error.details['error-id']);
  expect((error.cause as Error).message).toContain('hunter2');
});

test('a message that repeats a whole request does not travel as a whole', () => {
  expect(toWire(new KeysteadError('Validation', 'x'.repeat(8 << 20))).message.length).toBeLessThan(64 << 10);
});

test('a code that this version does not know is Internal', () => {
  expect(fromWire({ code: 'constructor', message: '', details: {} }).code).toBe('Internal');
  expect(isCode('toString')).toBe(false);
});

test('every client error of KMS is HTTP 400, and only faults are 500', () => {
  expect(wire.NotFound.http).toBe(400);
  expect(wire.KmsInternal.http).toBe(500);
  expect(wire.NoSuchEntity.http).toBe(404);
});

test('hasCode narrows', () => {
  expect(hasCode(new KeysteadError('NotFound'), 'NotFound', 'Disabled')).toBe(true);
  expect(hasCode(new Error('x'), 'NotFound')).toBe(false);
});
