import { expect, test } from 'vitest';
import { recordedKey } from '../src/s3/object/data-key.js';

const key = (): Buffer => Buffer.alloc(32, 7);
const itself = (bytes: Buffer): Buffer => bytes;

test('a key is given out once its record is durable', async () => {
  const made = key();
  expect(await recordedKey(Promise.resolve(made), Promise.resolve(), itself)).toBe(made);
  expect(made).toEqual(key());
});

test('a key whose record failed is zeroed, whichever came first', async () => {
  const [early, late] = [key(), key()];
  const refused = () => Promise.reject(new Error('no log'));
  await expect(recordedKey(Promise.resolve(early), refused(), itself)).rejects.toThrow('no log');
  const coming = new Promise<Buffer>((resolve) => setTimeout(() => resolve(late), 5));
  await expect(recordedKey(coming, refused(), itself)).rejects.toThrow('no log');
  expect([early, late]).toEqual([Buffer.alloc(32), Buffer.alloc(32)]);
});

test('without a key its own failure counts, and the record is waited for', async () => {
  let recorded = false;
  const recording = new Promise<void>((resolve) => setTimeout(resolve, 5)).then(() => void (recorded = true));
  await expect(recordedKey<Buffer>(Promise.reject(new Error('no key')), recording, itself)).rejects.toThrow('no key');
  expect(recorded).toBe(true);
});
