import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable } from '../src/printable.js';

test.each([
  ['key\nforged line', 'key\\u000aforged line'],
  ['\u001b[8mhidden', '\\u001b[8mhidden'],
  ['\u009b2J', '\\u009b2J'],
  ['abc\u202etxt.exe', 'abc\\u202etxt.exe'],
  ['\u{e0041}', '\\udb40\\udc41'],
  ['ключ 鍵 🔑 ✔', 'ключ 鍵 🔑 ✔'],
])('%j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('JSON stays the same JSON', () => {
  const value = fc.object({ key: fc.string({ unit: 'binary' }), values: [fc.string({ unit: 'binary' })] });
  fc.assert(
    fc.property(value, (record) => {
      const text = JSON.stringify(record);
      expect(JSON.parse(printable(text))).toEqual(JSON.parse(text));
    }),
  );
});
