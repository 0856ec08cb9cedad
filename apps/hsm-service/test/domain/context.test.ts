import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeContext } from '../../src/domain/context.js';
import { reference } from '../vectors.js';

const contexts = fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), { maxKeys: 6 });

test('the vector of the reference', () => {
  expect(encodeContext(reference.ec.in).toString('hex')).toBe(reference.ec.out);
});

test('no pairs are four zero bytes', () => {
  expect(encodeContext({})).toEqual(Buffer.alloc(4));
});

test('the order of pairs does not matter', () => {
  fc.assert(
    fc.property(contexts, (context) => {
      const reversed = Object.fromEntries(Object.entries(context).reverse());
      expect(encodeContext(reversed)).toEqual(encodeContext(context));
    }),
  );
});

test('different contexts have different bytes', () => {
  fc.assert(
    fc.property(contexts, contexts, (a, b) => {
      const same = JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
      expect(encodeContext(a).equals(encodeContext(b))).toBe(same);
    }),
  );
  expect(encodeContext({ a: 'b=c' })).not.toEqual(encodeContext({ 'a=b': 'c' }));
});

test('keys are sorted as UTF-8, not as UTF-16', () => {
  const [bmp, astral] = ['\uff5e', '\u{1f511}'];
  expect(bmp < astral).toBe(false);
  const encoded = encodeContext({ [astral]: '', [bmp]: '' });
  expect(encoded.indexOf(bmp)).toBeLessThan(encoded.indexOf(astral));
});

test('half a surrogate pair is refused: two contexts must not become one', () => {
  expect(() => encodeContext({ a: '\ud83d' })).toThrow(RangeError);
});
