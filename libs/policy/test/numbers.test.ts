import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dateOf, numberOf } from '../src/numbers.js';

const runs = { numRuns: 20_000 };
const typed = (alphabet: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...Array.from(alphabet)), maxLength });

test('a number is a decimal fraction, perhaps with an exponent and blanks around', () => {
  const text = fc.oneof(typed('019.eE+- ', 9), typed('0xXbo1InfityN\u00a0', 5), fc.double().map(String));
  const grammar = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/;
  fc.assert(
    fc.property(text, (value) => {
      expect(numberOf(value), value).toBe(grammar.test(value.trim()) ? Number(value) : NaN);
    }),
    runs,
  );
});

test('digits are seconds since 1970, perhaps with a fraction', () => {
  fc.assert(
    fc.property(typed('0123.-', 8), (value) => {
      if (/^\d+(\.\d+)?$/.test(value)) expect(dateOf(value)).toBe(Number(value) * 1000);
      else if (!/^\d{4}-\d{2}(-\d{2})?$/.test(value)) expect(dateOf(value), value).toBe(NaN);
    }),
    runs,
  );
});
