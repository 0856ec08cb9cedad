import { canonicalJson } from '@keystead/audit';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeBatch } from '../src/domain/batch.js';
import { readLeaf } from '../src/domain/leaf.js';
import { emptyFrontier } from '../src/domain/merkle.js';
import { record } from './records.js';

const objects = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue());

describe('leaves', () => {
  test('are RFC 8785 JSON around any record, without writing it again', () => {
    fc.assert(
      fc.property(objects, fc.nat(), (rec, now) => {
        const bytes = Buffer.from(canonicalJson(rec as Parameters<typeof canonicalJson>[0]));
        const batch = makeBatch(emptyFrontier, [{ ...record(), record: bytes }], now);
        const [start = 0] = batch.bodies.starts;
        const body = batch.bodies.bytes.subarray(start - 1, start - 1 + (batch.bodies.lengths[0] ?? 0));
        expect(body.toString()).toBe(canonicalize({ v: 1, seq: '0', t: new Date(now).toISOString(), rec }));
        expect(readLeaf(body)).toEqual({ index: 0, time: new Date(now).toISOString(), record: bytes.toString() });
      }),
    );
  });

  test('a record that ends like a leaf does not confuse its reader', () => {
    const nested = Buffer.from('{"a":1,"seq":"7","t":"2026-11-22T18:30:52.123Z","v":1}');
    const { bodies } = makeBatch(emptyFrontier, [{ ...record(), record: nested }], 0);
    const body = bodies.bytes.subarray(1);
    expect(readLeaf(body)).toMatchObject({ index: 0, record: nested.toString() });
  });

  test('bytes that are no leaf are refused', () => {
    for (const text of ['', '{}', '{"rec":{},"seq":"0","t":"x","v":1}', '{"rec":{},"seq":"0","v":1}']) {
      expect(() => readLeaf(Buffer.from(text))).toThrow(SyntaxError);
    }
  });
});
