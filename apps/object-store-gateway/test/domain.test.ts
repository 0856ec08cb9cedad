import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blobName, isBlobName } from '../src/domain/blob-name.js';
import { checkReadConditions, checkWriteConditions } from '../src/domain/conditions.js';
import { chooseEncryption, kmsContext, readRequestedEncryption } from '../src/domain/encryption.js';
import { collectPage } from '../src/domain/listing.js';
import type { ReadKeys } from '../src/domain/listing.js';
import type { ObjectRecord } from '../src/domain/object.js';
import { readCopyRange, readRange } from '../src/domain/range.js';
import { readRecord, recordIsGenuine, sealRecord } from '../src/domain/record-seal.js';
import { S3Error } from '../src/domain/s3-error.js';
import { readPlace } from '../src/s3/http/target.js';
import { parse, text, textOf } from '../src/s3/xml.js';

/** Whatever a parser is given, it answers or refuses by S3's own error. */
function onlyS3Errors(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(S3Error);
  }
}

describe('ranges', () => {
  test('are inside the object, or refused', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.nat(), fc.nat(10_000), (junk, a, b, size) => {
        for (const header of [junk, `bytes=${a}-${b}`, `bytes=${a}-`, `bytes=-${b}`]) {
          onlyS3Errors(() => {
            const range = readRange(header, size);
            if (range) expect(0 <= range.from && range.from < range.to && range.to <= size).toBe(true);
          });
          onlyS3Errors(() => {
            const range = readCopyRange(header, size);
            expect(range.from < range.to && range.to <= size).toBe(true);
          });
        }
      }),
    );
  });
});

describe('conditions', () => {
  const object = { etag: 'abc', modified: Date.parse('2026-11-22T10:00:00.900Z') };

  test.each([
    [{ ifMatch: '"abc"' }, undefined],
    [{ ifMatch: '"x", W/"abc"' }, undefined],
    [{ ifMatch: '*' }, undefined],
    [{ ifMatch: '"x"' }, 'PreconditionFailed'],
    [{ ifNoneMatch: '"abc"' }, 'NotModified'],
    [{ ifNoneMatch: 'abc' }, 'NotModified'],
    [{ ifModifiedSince: 'Sun, 22 Nov 2026 10:00:00 GMT' }, 'NotModified'],
    [{ ifModifiedSince: 'Sun, 22 Nov 2026 09:59:59 GMT' }, undefined],
    [{ ifUnmodifiedSince: 'Sun, 22 Nov 2026 09:59:59 GMT' }, 'PreconditionFailed'],
    [{ ifUnmodifiedSince: 'no date' }, undefined],
    // An entity tag beats a date.
    [{ ifMatch: '"abc"', ifUnmodifiedSince: 'Sun, 22 Nov 2026 09:59:59 GMT' }, undefined],
    [{ ifNoneMatch: '"x"', ifModifiedSince: 'Sun, 22 Nov 2026 10:00:00 GMT' }, undefined],
  ])('%j', (conditions, code) => {
    const check = () => checkReadConditions(conditions, object);
    if (code === undefined) check();
    else expect(check).toThrow(expect.objectContaining({ code }) as Error);
  });

  test('of writes', () => {
    expect(() => checkWriteConditions({ ifMatch: '"abc"' }, undefined)).toThrow('key does not exist');
    expect(() => checkWriteConditions({ ifNoneMatch: '*' }, object)).toThrow('pre-conditions');
    checkWriteConditions({ ifNoneMatch: '*' }, undefined);
  });
});

describe('encryption', () => {
  const read = (headers: Record<string, string>) => readRequestedEncryption((name) => headers[name]);
  const kms = { algorithm: 'aws:kms', kmsKeyId: 'bucket-key', bucketKeyEnabled: true } as const;

  test('the request beats the bucket', () => {
    expect(chooseEncryption({}, kms)).toMatchObject({
      algorithm: 'aws:kms',
      kmsKeyId: 'bucket-key',
      bucketKeyEnabled: true,
    });
    expect(chooseEncryption({ algorithm: 'AES256' }, kms)).toEqual({ algorithm: 'AES256' });
    // The bucket's key belongs to the bucket's choice of algorithm, its Bucket Key setting does not.
    expect(chooseEncryption({ algorithm: 'aws:kms' }, kms)).toMatchObject({
      kmsKeyId: undefined,
      bucketKeyEnabled: true,
    });
    expect(chooseEncryption({ bucketKeyEnabled: false }, kms)).toMatchObject({ bucketKeyEnabled: false });
  });

  test('the context names the object, or the bucket with a Bucket Key', () => {
    const chosen = { algorithm: 'aws:kms', kmsKeyId: undefined, bucketKeyEnabled: false, context: { a: 'b' } } as const;
    expect(kmsContext('b', 'k/ü', chosen)).toEqual({ a: 'b', 'aws:s3:arn': 'arn:aws:s3:::b/k/ü' });
    expect(kmsContext('b', 'k', { ...chosen, bucketKeyEnabled: true })['aws:s3:arn']).toBe('arn:aws:s3:::b');
    const own = { ...chosen, context: { 'aws:s3:arn': 'arn:aws:s3:::b/k' } };
    expect(kmsContext('b', 'k', own)).toEqual(own.context);
    expect(() => kmsContext('b', 'other', own)).toThrow(S3Error);
  });

  test('any header is read or refused', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (algorithm, key, context, flag) => {
        const prefix = 'x-amz-server-side-encryption';
        const names = ['', '-aws-kms-key-id', '-context', '-bucket-key-enabled'];
        const values = [algorithm, key, context, flag];
        onlyS3Errors(() => read(Object.fromEntries(names.map((name, i) => [prefix + name, values[i] ?? '']))));
      }),
    );
  });
});

describe('listings', () => {
  const bytes = (name: string): Buffer => Buffer.from(name, 'utf8');
  const order = (a: string, b: string): number => Buffer.compare(bytes(a), bytes(b));

  /** The database as an array. */
  const reading = (keys: readonly string[]): ReadKeys<{ key: string }> => {
    const sorted = [...new Set(keys)].sort(order);
    return ({ after, inclusive, before }, limit) => {
      const fits = sorted.filter((key) => {
        const low = Buffer.compare(bytes(key), after);
        return (low > 0 || (inclusive && low === 0)) && (!before || Buffer.compare(bytes(key), before) < 0);
      });
      return Promise.resolve(fits.slice(0, limit).map((key) => ({ key })));
    };
  };

  /** What S3 promises, told in the simplest way. */
  const expected = (keys: readonly string[], prefix: string, delimiter: string): string[] => {
    const names = [...new Set(keys)]
      .filter((key) => key.startsWith(prefix))
      .map((key) => {
        const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
        return at < 0 ? key : key.slice(0, at + delimiter.length);
      });
    return [...new Set(names)].sort(order);
  };

  test('pages of any size add up to the whole, without repeats', async () => {
    const name = fc.stringMatching(/^[ab/ü]{1,6}$/u);
    await fc.assert(
      fc.asyncProperty(
        fc.array(name, { maxLength: 30 }),
        fc.constantFrom('', 'a', 'a/', 'b', '/'),
        fc.constantFrom('', '/', 'ab'),
        fc.integer({ min: 1, max: 5 }),
        async (keys, prefix, delimiter, limit) => {
          const names: string[] = [];
          let after = '';
          for (let pages = 0; ; pages++) {
            expect(pages).toBeLessThan(100);
            const page = await collectPage({ prefix, delimiter, after, limit }, reading(keys));
            expect(page.entries.length).toBeLessThanOrEqual(limit);
            names.push(...page.entries.map((entry) => ('prefix' in entry ? entry.prefix : entry.object.key)));
            if (page.next === undefined) break;
            after = page.next;
          }
          expect(names).toEqual(expected(keys, prefix, delimiter));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('records', () => {
  const dataKey = randomBytes(32);
  const record: ObjectRecord = {
    version: 1,
    bucket: 'b',
    key: 'k',
    modified: 1,
    size: 5,
    etag: 'e',
    headers: { 'content-type': 'text/plain' },
    encryption: { algorithm: 'AES256', keyArn: 'arn', context: {}, bucketKeyEnabled: false, wrappedKey: 'AA==' },
    uploadId: 'u',
    segments: [{ blob: 'b/0', part: 1, size: 5, header: '00' }],
  };
  const sealed = sealRecord(record, dataKey);

  test('come back, and only with their key and upload', () => {
    expect(readRecord(sealed)).toEqual(record);
    expect(recordIsGenuine(sealed, 'u', dataKey)).toBe(true);
    expect(recordIsGenuine(sealed, 'v', dataKey)).toBe(false);
    expect(recordIsGenuine(sealed, 'u', randomBytes(32))).toBe(false);
  });

  test('no changed character goes unnoticed', () => {
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), (at) => {
        const other = sealed[at] === 'a' ? 'b' : 'a';
        expect(recordIsGenuine(sealed.slice(0, at) + other + sealed.slice(at + 1), 'u', dataKey)).toBe(false);
      }),
    );
  });
});

describe('names', () => {
  test('blob names are their own guard', () => {
    expect(isBlobName(blobName('my.bucket-1', new Date(), randomBytes(12)))).toBe(true);
    for (const bad of [
      '',
      'x',
      '../a/' + '0'.repeat(32),
      'bucket/../x',
      'bucket/' + '0'.repeat(31),
      'b/' + 'G'.repeat(32),
    ]) {
      expect(isBlobName(bad)).toBe(false);
    }
  });

  test.each([
    ['localhost:9000', '/b/k', 'b', 'k'],
    ['127.0.0.1', '/b/k//x/', 'b', 'k//x/'],
    ['b.localhost', '/k', 'b', 'k'],
    ['b.s3.localhost:1', '/k%2Fl', 'b', 'k/l'],
    ['s3.localhost', '/b', 'b', undefined],
    ['my.b.s3.localhost', '/', 'my.b', undefined],
    ['localhost', '/', undefined, undefined],
    ['localhost', '/b/%C3%BC%20+', 'b', 'ü +'],
  ])('%s %s', (host, path, bucket, key) => {
    expect(readPlace(host, path, ['localhost', 's3.localhost'])).toEqual({ bucket, key });
  });

  test('any path is read or refused', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (host, path) => onlyS3Errors(() => readPlace(host, path, ['localhost']))),
    );
  });
});

describe('XML', () => {
  test('text survives its escape', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        fc.pre(Buffer.from(value, 'utf8').toString('utf8') === value && !hasControls(value));
        expect(textOf(parse(Buffer.from(`<R>${text('V', value)}</R>`), 'R'), 'V')).toBe(value);
      }),
    );
  });

  test.each([
    ['no XML', 'hello'],
    ['another root', '<Other/>'],
    ['a cut document', '<R><V>x</V>'],
    ['an entity', '<!DOCTYPE R [<!ENTITY e "boom">]><R><V>&e;</V></R>'],
    ['an unknown reference', '<R><V>&nope;</V></R>'],
    ['elements where text is wanted', '<R><V><W/></V></R>'],
    ['nothing', ''],
  ])('%s is malformed', (_what, source) => {
    expect(() => textOf(parse(Buffer.from(source), 'R'), 'V')).toThrow(
      expect.objectContaining({ code: 'MalformedXML' }) as Error,
    );
  });

  test('what would be long work is not parsed', () => {
    const many = (tags: number): Buffer => Buffer.from(`<R>${'<V/>'.repeat(tags)}</R>`);
    expect(() => parse(many(99), 'R', 100)).toThrow(expect.objectContaining({ code: 'MalformedXML' }) as Error);
    expect(parse(many(98), 'R', 100)['V']).toHaveLength(98);
    for (const long of [`<R ${'a="" '.repeat(4_000)}/>`, `<R>${'>'.repeat(17_000)}</R>`])
      expect(() => parse(Buffer.from(long), 'R')).toThrow(expect.objectContaining({ code: 'MalformedXML' }) as Error);
    const key = '"'.repeat(1_024);
    expect(textOf(parse(Buffer.from(`<R>${text('V', key)}</R>`), 'R'), 'V')).toBe(key);
  });

  test('anything is parsed or refused, deep nesting too', () => {
    fc.assert(fc.property(fc.string(), (source) => onlyS3Errors(() => parse(Buffer.from(`<R>${source}</R>`), 'R'))));
    onlyS3Errors(() => parse(Buffer.from('<R>'.repeat(50_000) + '</R>'.repeat(50_000)), 'R'));
    onlyS3Errors(() => parse(Buffer.from('<R>'.repeat(50_000) + '</R>'.repeat(50_000)), 'R', 200_000));
  });
});

/** Characters that XML 1.0 cannot hold, or that its parsers change. */
function hasControls(value: string): boolean {
  return Array.from(value).some((c) => (c < ' ' && c !== '\t' && c !== '\n') || c === '\ufffe' || c === '\uffff');
}
