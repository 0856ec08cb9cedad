import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BLOB_OVERHEAD, openBlob, sealBlob } from '../../src/domain/blob.js';
import { materialId } from '../../src/domain/material.js';
import { bitFlips, hex, reference } from '../vectors.js';

const { hbk, key_id, N, pt, context, out } = reference.blob;
const material = hex(hbk);
const id = materialId(material, hex(key_id));
const refusal = expect.objectContaining({ code: 'InvalidCiphertext', message: '' }) as Error;

test('the vector of the reference', () => {
  expect(sealBlob(material, id, hex(N), hex(pt), context).toString('hex')).toBe(out);
  expect(openBlob(material, id, hex(out), context)).toEqual(hex(pt));
});

test('every length from 0 to 4,096 comes back', () => {
  const bytes = fc.uint8Array({ maxLength: 4096, size: 'max' });
  const nonces = fc.uint8Array({ minLength: 24, maxLength: 24 });
  fc.assert(
    fc.property(bytes, nonces, fc.dictionary(fc.string(), fc.string()), (plaintext, nonce, pairs) => {
      const blob = sealBlob(material, id, nonce, plaintext, pairs);
      expect(blob).toHaveLength(plaintext.length + BLOB_OVERHEAD);
      expect(openBlob(material, id, blob, pairs).equals(plaintext)).toBe(true);
    }),
  );
});

test('every changed bit is refused', () => {
  for (const blob of bitFlips(hex(out))) expect(() => openBlob(material, id, blob, context)).toThrow(refusal);
});

test('every truncation and one more byte are refused', () => {
  const blob = hex(out);
  for (let n = 0; n < blob.length; n++) {
    expect(() => openBlob(material, id, blob.subarray(0, n), context)).toThrow(refusal);
  }
  expect(() => openBlob(material, id, Buffer.concat([blob, Buffer.alloc(1)]), context)).toThrow(refusal);
});

test('another context is refused: missing, more, renamed, changed', () => {
  const less = { purpose: 'test' };
  const others = [{}, less, { ...context, more: '' }, { ...context, app: 'Keystead' }, { APP: 'keystead', ...less }];
  for (const other of others) expect(() => openBlob(material, id, hex(out), other)).toThrow(refusal);
});

test('another material is refused', () => {
  const other = Buffer.alloc(32, 0x23);
  expect(() => openBlob(other, id, hex(out), context)).toThrow(refusal);
  expect(() => openBlob(other, materialId(other, hex(key_id)), hex(out), context)).toThrow(refusal);
});

test('any bytes are refused, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(() => openBlob(material, id, Buffer.from(bytes), {})).toThrow(refusal);
    }),
  );
});

test('a short tag is refused: node:crypto would take one of four bytes', () => {
  const cipher = createCipheriv('aes-256-gcm', Buffer.alloc(32), Buffer.alloc(12), { authTagLength: 4 });
  cipher.final();
  const short = Buffer.concat([hex(out).subarray(0, 65), cipher.getAuthTag()]);
  expect(() => openBlob(material, id, short, context)).toThrow(refusal);
});
