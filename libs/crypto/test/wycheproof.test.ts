import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { OBJECT_V1 } from '../src/stream.js';
import type { Profile } from '../src/stream.js';
import { open, sealAs } from './segments.js';

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly key: string;
  readonly ctx: string;
  readonly ct: string;
  readonly msgLength?: number;
  readonly msgSha512?: string;
  readonly result: 'valid' | 'invalid';
}

const cobblestone = (bits: 128 | 256): Profile => ({
  cipher: `aes-${bits}-gcm`,
  keySize: bits === 128 ? 16 : 32,
  label: `c2sp.org/chunked-encryption@v1+AEAD_AES_${bits}_GCM`,
  chunkSize: 16_384,
});

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

for (const bits of [128, 256] as const) {
  const file = new URL(`vectors/wycheproof-chunked-${bits}.json`, import.meta.url);
  const { tests } = JSON.parse(readFileSync(file, 'utf8')) as { tests: Vector[] };
  const profile = cobblestone(bits);

  describe(`Wycheproof Cobblestone-${bits}`, () => {
    test.each(tests)('$tcId $comment', (v) => {
      const sealed = inflateSync(hex(v.ct));
      const run = () => open(hex(v.key), hex(v.ctx), sealed, { profile });
      if (v.result === 'invalid') {
        expect(run).toThrow();
        return;
      }
      const plain = run();
      expect(plain.length).toBe(v.msgLength);
      expect(createHash('sha512').update(plain).digest('hex')).toBe(v.msgSha512);
      const again = sealAs(profile, hex(v.key), hex(v.ctx), plain, [10_000], sealed.subarray(0, 24));
      expect(again.equals(sealed)).toBe(true);
    });
  });
}

test('the object profile differs from the standard only in label and chunk size', () => {
  expect(OBJECT_V1).toMatchObject({ cipher: 'aes-256-gcm', keySize: 32, chunkSize: 65_536 });
});
