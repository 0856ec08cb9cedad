import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AuthError,
  awsAuthError,
  canonicalRequest,
  ChunkedDecoder,
  ChunkSignatures,
  decodeQuery,
  deriveSigningKey,
  type Flavour,
  readAuthentication,
  readHeaders,
  readTarget,
  readTimestamp,
  sha256Hex,
  verifySignature,
} from '../src/index.js';
import { failureOf, request } from './support.js';

const now = readTimestamp('20261122T180000Z') as number;
const flavours = fc.constantFrom<Flavour>('json', 'query', 's3');
/** Characters as node:http gives them: one per byte. */
const latin1 = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 300,
});
const pieces = fc.constantFrom(
  ...['AWS4-HMAC-SHA256', ' ', ',', '=', '/', ';', 'Credential', 'SignedHeaders', 'Signature', 'aws4_request'],
  ...['20261122', '20261122T180000Z', 'us-east-1', 's3', 'host', 'x-amz-date', 'a'.repeat(64), 'AKID', '%', '&', '?'],
  ...['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders', 'X-Amz-Signature'],
);
const soup = fc.array(fc.oneof(pieces, latin1), { maxLength: 40 }).map((parts) => parts.join(''));

function authenticate(
  target: string,
  authorization: string | undefined,
  extra: [string, string][],
  flavour: Flavour,
): void {
  const headers: [string, string][] = [['host', 'h'], ['x-amz-date', '20261122T180000Z'], ...extra];
  if (authorization !== undefined) headers.push(['authorization', authorization]);
  const raw = request('GET', target, headers);
  const auth = readAuthentication(raw, { flavour, services: ['s3'], regions: ['us-east-1'] }, now);
  verifySignature(raw, auth, Buffer.alloc(32));
}

describe('whatever arrives ends in a refusal of ours', () => {
  test('Authorization headers', () => {
    fc.assert(
      fc.property(soup, flavours, (authorization, flavour) => {
        expect(failureOf(() => authenticate('/', authorization, [], flavour))).toBeDefined();
      }),
      { numRuns: 2_000 },
    );
  });

  test('targets and headers', () => {
    fc.assert(
      fc.property(soup, fc.array(fc.tuple(latin1, latin1), { maxLength: 5 }), flavours, (target, extra, flavour) => {
        expect(failureOf(() => authenticate(`/?${target}`, undefined, extra, flavour))).toBeDefined();
      }),
      { numRuns: 2_000 },
    );
  });

  test('every failure has a code, a status and a message in every flavour', () => {
    fc.assert(
      fc.property(soup, flavours, (authorization, flavour) => {
        try {
          authenticate('/', authorization, [], flavour);
        } catch (error) {
          const { code, status, message } = awsAuthError(error as AuthError, flavour);
          expect(code).toMatch(/^\w+$/);
          expect([400, 403]).toContain(status);
          expect(message).not.toBe('');
        }
      }),
    );
  });
});

test('what is signed is what a service reads: equal canonical requests have equal decoded targets', () => {
  const part = fc.string({
    unit: fc.constantFrom('a', '%', '2', '5', '+', '=', '&', '/', 'B', 'b', ' '),
    maxLength: 12,
  });
  fc.assert(
    fc.property(part, part, (a, b) => {
      const [x, y] = [a, b].map((query) => request('GET', `/?${query}`, [['host', 'h']]));
      if (!x || !y) return;
      const same = canonicalRequest(x, ['host'], '', 's3') === canonicalRequest(y, ['host'], '', 's3');
      if (same) expect(decodeQuery(x.target).sort()).toEqual(decodeQuery(y.target).sort());
    }),
    { numRuns: 5_000 },
  );
});

test('canonical encoding of a target does not depend on how it was escaped', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
      const encoded = encodeURIComponent(text);
      const every = Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
      const canonical = (target: string): string =>
        canonicalRequest(request('GET', target, [['host', 'h']]), ['host'], '', 's3');
      expect(canonical(`/${encoded}?k=${encoded}`)).toBe(canonical(`/${every}?k=${every}`));
    }),
  );
});

describe('linear time', () => {
  const longest = (run: () => void): number => {
    const began = performance.now();
    run();
    return performance.now() - began;
  };

  test.each([
    ['commas', ','.repeat(8_000)],
    ['spaces', ' '.repeat(8_000)],
    ['equals', '='.repeat(8_000)],
    ['semicolons', `SignedHeaders=${';'.repeat(7_000)}`],
    ['slashes', `Credential=${'/'.repeat(7_000)}`],
  ])('Authorization of %s', (_name, text) => {
    const took = longest(() => {
      for (let n = 0; n < 20; n++) failureOf(() => authenticate('/', `AWS4-HMAC-SHA256 ${text}`, [], 's3'));
    });
    expect(took).toBeLessThan(1_000);
  });

  test('targets and header values', () => {
    const text = '%'.repeat(60_000);
    const took = longest(() => {
      for (const target of [`/${text}`, `/?${text}`, `/${'../'.repeat(20_000)}`, `/?a=${'+'.repeat(60_000)}`]) {
        for (const flavour of ['s3', 'json'] as const) {
          const raw = request('GET', target, [['host', ' '.repeat(60_000)]]);
          canonicalRequest(raw, ['host'], '', flavour);
        }
      }
    });
    expect(took).toBeLessThan(2_000);
  });

  test('limits of lines and parameters', () => {
    expect(failureOf(() => readHeaders(Array.from({ length: 2_000 }, () => 'a')))).toBe('HeadersTooLarge');
    expect(failureOf(() => readHeaders(['a', 'x'.repeat(70_000)]))).toBe('HeadersTooLarge');
    expect(failureOf(() => readTarget(`/?${'a&'.repeat(500)}`))).toBe('HeadersTooLarge');
    expect(failureOf(() => readTarget(`/?${'&'.repeat(500)}x=1`))).toBe('HeadersTooLarge');
  });
});

const signingKey = deriveSigningKey('secret', '20261122', 'us-east-1', 's3');
const scope = '20261122/us-east-1/s3/aws4_request';
const timestamp = '20261122T180000Z';
const seed = '0'.repeat(64);

function signatures(): ChunkSignatures {
  const auth = { accessKeyId: 'A', date: '20261122', region: 'us-east-1', service: 's3', scope } as const;
  const rest = { form: 'header', flavour: 's3', signedHeaders: [], signature: seed, timestamp, time: now } as const;
  return new ChunkSignatures({ ...auth, ...rest, securityToken: undefined, declared: undefined }, signingKey);
}

/** An aws-chunked body made from the description of the format, apart from the decoder. */
function encodeChunked(chunks: Buffer[], trailer: Record<string, string>, signed: boolean): Buffer {
  let previous = seed;
  const sign = (label: string, hashes: string): string => {
    const text = `${label}\n${timestamp}\n${scope}\n${previous}\n${hashes}`;
    return (previous = createHmac('sha256', signingKey).update(text).digest('hex'));
  };
  const out: Buffer[] = [];
  for (const chunk of [...chunks, Buffer.alloc(0)]) {
    const signature = signed
      ? `;chunk-signature=${sign('AWS4-HMAC-SHA256-PAYLOAD', `${sha256Hex('')}\n${sha256Hex(chunk)}`)}`
      : '';
    out.push(Buffer.from(`${chunk.length.toString(16)}${signature}\r\n`), chunk);
    if (chunk.length > 0) out.push(Buffer.from('\r\n'));
  }
  const fields = Object.entries(trailer);
  for (const [name, value] of fields) out.push(Buffer.from(`${name}:${value}\r\n`));
  if (signed && fields.length > 0) {
    const canonical = fields.map(([name, value]) => `${name}:${value}\n`).join('');
    out.push(Buffer.from(`x-amz-trailer-signature:${sign('AWS4-HMAC-SHA256-TRAILER', sha256Hex(canonical))}\r\n`));
  }
  out.push(Buffer.from('\r\n'));
  return Buffer.concat(out);
}

/** Cuts `body` at the given places and feeds the pieces one by one. */
function decode(
  body: Buffer,
  cuts: number[],
  decoder: ChunkedDecoder,
): { data: Buffer; trailer: ReadonlyMap<string, string> } {
  const at = [0, ...cuts.map((cut) => cut % (body.length + 1)).sort((a, b) => a - b), body.length];
  const out: Buffer[] = [];
  for (let n = 1; n < at.length; n++) out.push(...decoder.push(body.subarray(at[n - 1], at[n])));
  return { data: Buffer.concat(out), trailer: decoder.end() };
}

const body = fc.record({
  large: fc.array(fc.integer({ min: 8_192, max: 20_000 }), { maxLength: 3 }),
  last: fc.integer({ min: 0, max: 9_000 }),
  cuts: fc.array(fc.nat({ max: 100_000 }), { maxLength: 12 }),
  signed: fc.boolean(),
  trailer: fc.boolean(),
});

describe('aws-chunked', () => {
  const make = ({
    large,
    last,
    signed,
    trailer,
  }: {
    large: number[];
    last: number;
    signed: boolean;
    trailer: boolean;
  }) => {
    const sizes = last > 0 ? [...large, last] : large;
    const chunks = sizes.map((size, n) => Buffer.alloc(size, n + 1));
    const fields: Record<string, string> = trailer ? { 'x-amz-checksum-crc32': 'AAAAAA==' } : {};
    const data = Buffer.concat(chunks);
    const options = { trailer, decodedLength: data.length, ...(signed ? { signatures: signatures() } : {}) };
    return { data, encoded: encodeChunked(chunks, fields, signed), decoder: new ChunkedDecoder(options) };
  };

  test('decodes what was encoded, wherever it is cut', () => {
    fc.assert(
      fc.property(body, (given) => {
        const { data, encoded, decoder } = make(given);
        const read = decode(encoded, given.cuts, decoder);
        expect(read.data.equals(data)).toBe(true);
        expect(read.trailer.get('x-amz-checksum-crc32')).toBe(given.trailer ? 'AAAAAA==' : undefined);
      }),
      { numRuns: 100 },
    );
  });

  test('a signed body with any byte changed, missing or added is refused', () => {
    fc.assert(
      fc.property(body, fc.nat(), fc.constantFrom('change', 'drop', 'add'), (given, place, how) => {
        const { data, encoded, decoder } = make({ ...given, signed: true });
        const at = place % encoded.length;
        const [before, after] = [encoded.subarray(0, at), encoded.subarray(how === 'add' ? at : at + 1)];
        const byte = how === 'drop' ? Buffer.alloc(0) : Buffer.from([(encoded[at] ?? 0) ^ 1]);
        const changed = Buffer.concat([before, byte, after]);
        let read: Buffer | undefined;
        const failure = failureOf(() => (read = decode(changed, given.cuts, decoder).data));
        // Some bytes mean nothing: the case of a hexadecimal digit, a space around a trailer's value.
        if (failure === undefined) expect(read?.equals(data)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('whatever arrives, nothing but a refusal is thrown', () => {
    const noise = fc.array(
      fc.oneof(latin1, fc.constantFrom('\r\n', '0', '10', ';chunk-signature=', '0'.repeat(64), ':')),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(noise, fc.boolean(), fc.boolean(), (parts, signed, trailer) => {
        const decoder = new ChunkedDecoder({ trailer, ...(signed ? { signatures: signatures() } : {}) });
        failureOf(() => decode(Buffer.from(parts.join(''), 'latin1'), [], decoder));
      }),
      { numRuns: 2_000 },
    );
  });

  test('one byte at a time takes linear time, lines have a limit, small chunks are refused', () => {
    const chunks = Array.from({ length: 20 }, () => Buffer.alloc(8_192, 7));
    const encoded = encodeChunked(chunks, {}, true);
    const decoder = new ChunkedDecoder({ trailer: false, signatures: signatures() });
    const began = performance.now();
    for (let at = 0; at < encoded.length; at++) decoder.push(encoded.subarray(at, at + 1));
    decoder.end();
    expect(performance.now() - began).toBeLessThan(5_000);
    const plain = (): ChunkedDecoder => new ChunkedDecoder({ trailer: true });
    expect(failureOf(() => plain().push(Buffer.alloc(5_000, 'a')))).toBe('InvalidChunk');
    expect(failureOf(() => plain().push(Buffer.from('1\r\na\r\n1\r\nb\r\n0\r\n\r\n')))).toBe('ChunkTooSmall');
    expect(failureOf(() => plain().push(Buffer.from('ffffffffffff\r\n')))).toBe('ChunkTooLarge');
    expect(failureOf(() => plain().push(Buffer.from(`0\r\n${'a:b\r\n'.repeat(10_000)}\r\n`)))).toBe('MalformedTrailer');
    expect(failureOf(() => plain().push(Buffer.from('0\r\n\r\nmore')))).toBe('InvalidChunk');
    expect(failureOf(() => plain().end())).toBe('IncompleteBody');
    const short = new ChunkedDecoder({ trailer: false, decodedLength: 5 });
    short.push(Buffer.from('4\r\nabcd\r\n0\r\n\r\n'));
    expect(failureOf(() => short.end())).toBe('IncompleteBody');
  });
});
