import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  HEADER_SIZE,
  SegmentError,
  TAG_SIZE,
  planRange,
  plainLength,
  sealedLength,
  segmentContext,
} from '../src/stream.js';
import { open, seal } from './segments.js';

const CHUNK = 65_536;
const STEP = CHUNK + TAG_SIZE;
const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const key = Buffer.alloc(32, 0xaa);
const context = segmentContext({ bucket: 'bucket', key: 'dir/key.txt' });

describe('the published vector', () => {
  const v = JSON.parse(readFileSync(new URL('vectors/object.json', import.meta.url), 'utf8')) as Record<string, string>;
  const field = (name: string): string => v[name] ?? '';

  test('the context', () => {
    const built = segmentContext({ bucket: field('bucket'), key: field('object_key') });
    expect(built.toString('hex')).toBe(field('ctx'));
  });

  test('the segment', () => {
    const sealed = seal(hex(field('dek')), hex(field('ctx')), hex(field('pt')), [2], hex(field('salt')));
    expect(sealed.toString('hex')).toBe(field('out'));
    expect(open(hex(field('dek')), hex(field('ctx')), hex(field('out')))).toEqual(hex(field('pt')));
  });
});

describe('lengths and ranges', () => {
  const lengths = fc.oneof(
    fc.nat(3 * CHUNK + 5),
    fc.constantFrom(0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK - 1, 3 * CHUNK),
  );
  const pieces = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 4 });

  test('any length comes back, however it is cut', () => {
    fc.assert(
      fc.property(lengths, pieces, pieces, (length, inPieces, outPieces) => {
        fc.pre(Math.min(...inPieces, ...outPieces) > 50 || length < CHUNK);
        const plain = randomBytes(length);
        const sealed = seal(key, context, plain, inPieces);
        expect(sealed.length).toBe(sealedLength(length));
        expect(plainLength(sealed.length)).toBe(length);
        expect(open(key, context, sealed, { pieces: outPieces }).equals(plain)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test('any range comes back and reads only its chunks', () => {
    fc.assert(
      fc.property(lengths, fc.nat(), fc.nat(), (length, a, b) => {
        const [from, to] = [a % (length + 1), b % (length + 1)].sort((x, y) => x - y) as [number, number];
        const plain = randomBytes(length);
        const sealed = seal(key, context, plain);
        expect(open(key, context, sealed, { from, to }).equals(plain.subarray(from, to))).toBe(true);
        const plan = planRange(length, from, to);
        expect(plan.end - plan.start).toBeLessThanOrEqual((Math.ceil((to - from) / CHUNK) + 2) * STEP);
      }),
      { numRuns: 150 },
    );
  });
});

describe('what was changed is refused', () => {
  const plain = randomBytes(2 * CHUNK + 100);
  const sealed = seal(key, context, plain);
  const chunk = (k: number) =>
    sealed.subarray(HEADER_SIZE + k * STEP, Math.min(HEADER_SIZE + (k + 1) * STEP, sealed.length));
  const header = sealed.subarray(0, HEADER_SIZE);
  const refused = (bytes: Uint8Array): void => {
    expect(() => open(key, context, bytes)).toThrow(SegmentError);
  };

  test('any single bit', () => {
    fc.assert(
      fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
        const changed = Buffer.from(sealed);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        refused(changed);
      }),
      { numRuns: 300 },
    );
  });

  test('every bit of a small segment', () => {
    const small = seal(key, context, Buffer.from('hello'));
    for (let bit = 0; bit < small.length * 8; bit++) {
      const changed = Buffer.from(small);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      refused(changed);
    }
  });

  test('reordered, repeated and dropped chunks', () => {
    refused(Buffer.concat([header, chunk(1), chunk(0), chunk(2)]));
    refused(Buffer.concat([header, chunk(0), chunk(0), chunk(2)]));
    refused(Buffer.concat([header, chunk(0), chunk(2)]));
    refused(Buffer.concat([header, chunk(1), chunk(2)]));
  });

  test('cut at any length, and lengthened', () => {
    for (const end of [0, 24, HEADER_SIZE, HEADER_SIZE + STEP, HEADER_SIZE + 2 * STEP, sealed.length - 1]) {
      refused(sealed.subarray(0, end));
    }
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), (end) => refused(sealed.subarray(0, end))),
      { numRuns: 50 },
    );
    refused(Buffer.concat([sealed, Buffer.alloc(16)]));
    refused(Buffer.concat([sealed, chunk(2)]));
  });

  test('another place', () => {
    for (const other of [
      segmentContext({ bucket: 'bucket', key: 'dir/key.tx' }),
      segmentContext({ bucket: 'buckets', key: 'dir/key.txt' }),
      segmentContext({ bucket: 'bucket', key: 'dir/key.txt', part: { number: 1, uploadId: 'u' } }),
    ]) {
      expect(() => open(key, other, sealed)).toThrow('another key or another object');
    }
  });

  test('another data key', () => {
    expect(() => open(Buffer.alloc(32, 0xab), context, sealed)).toThrow(SegmentError);
    expect(() => open(Buffer.alloc(31), context, sealed)).toThrow('data key must have 32 bytes');
  });
});
