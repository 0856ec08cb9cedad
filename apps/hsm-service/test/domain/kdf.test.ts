import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { kdf } from '../../src/domain/kdf.js';
import { materialId, isMaterial } from '../../src/domain/material.js';
import { bitFlips, hex, reference } from '../vectors.js';

/** The formula of SP 800-108r1 §4.1, written without thought for speed. */
function naive(key: Buffer, label: string, context: Buffer, length: number): Buffer {
  const u32 = (n: number): Buffer => hex(n.toString(16).padStart(8, '0'));
  let out = Buffer.alloc(0);
  for (let i = 1; out.length < length; i++) {
    const input = Buffer.concat([u32(i), Buffer.from(label), Buffer.alloc(1), context, u32(length * 8)]);
    out = Buffer.concat([out, createHmac('sha256', key).update(input).digest()]);
  }
  return out.subarray(0, length);
}

test('equals a second implementation at every length', () => {
  const bytes = fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(bytes, bytes, fc.integer({ min: 1, max: 100 }), (key, context, length) => {
      expect(kdf(key, 'keystead/test', context, length)).toEqual(naive(key, 'keystead/test', context, length));
    }),
  );
});

test('material id: the vector of the reference', () => {
  const { material, key_id, out } = reference.material_id;
  expect(materialId(hex(material), hex(key_id)).toString('hex')).toBe(out);
});

test('a material id fits one material only', () => {
  const { material, key_id, out } = reference.material_id;
  expect(isMaterial(hex(material), hex(key_id), hex(out))).toBe(true);
  for (const other of bitFlips(hex(material))) expect(isMaterial(other, hex(key_id), hex(out))).toBe(false);
});
