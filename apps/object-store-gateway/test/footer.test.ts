import { expect, test } from 'vitest';
import { footerOf, readFooter } from '../src/backend/footer.js';

const at = (blob: Buffer) => (position: number, length: number) => {
  asked.push(length);
  return Promise.resolve(blob.subarray(position, position + length));
};
const asked: number[] = [];

test('a record is found behind the sealed bytes', async () => {
  const record = Buffer.from('{"v":1}');
  const blob = Buffer.concat([Buffer.alloc(100), footerOf(record)]);
  expect(await readFooter(blob.length, at(blob))).toEqual({ start: 100, record });
});

test('a length that somebody wrote into the store takes none of our memory', async () => {
  const tail = Buffer.concat([Buffer.alloc(4, 0xff), footerOf(Buffer.alloc(0)).subarray(4)]);
  const blob = Buffer.concat([Buffer.alloc(100), tail]);
  asked.length = 0;
  expect(await readFooter(2 ** 40, (_, length) => at(tail)(0, length))).toBeUndefined();
  expect(asked).toEqual([tail.length]);
  expect(await readFooter(blob.length, at(blob))).toBeUndefined();
});
