import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Bucket, get, put, system } from './support/system.js';
import type { System } from './support/system.js';

let c: System;

beforeAll(async () => {
  c = await system();
}, 60_000);
afterAll(() => c[Symbol.asyncDispose]());

class Sha256 {
  readonly #hash = createHash('sha256');
  readonly #key: Uint8Array | undefined;
  #parts: Uint8Array[] = [];
  constructor(key?: Uint8Array | string) {
    this.#key = key === undefined ? undefined : Buffer.from(key as Uint8Array);
  }
  update(part: Uint8Array): void {
    if (this.#key) this.#parts.push(part);
    else this.#hash.update(part);
  }
  async digest(): Promise<Uint8Array> {
    if (!this.#key) return this.#hash.digest();
    const { createHmac } = await import('node:crypto');
    return createHmac('sha256', this.#key).update(Buffer.concat(this.#parts)).digest();
  }
}

interface Head {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly payload?: string;
}

const host = (): string => c.cluster.s3Endpoint.replace('http://', '');

/** The text of a signed request head. */
async function signed({ method, path, headers = {}, payload = 'UNSIGNED-PAYLOAD' }: Head): Promise<string> {
  const signer = new SignatureV4({
    service: 's3',
    region: 'us-east-1',
    credentials: c.cluster.credentials,
    sha256: Sha256 as never,
    uriEscapePath: false,
    applyChecksum: false,
  });
  const [bare = '', query = ''] = path.split('?');
  const request = {
    method,
    protocol: 'http:',
    hostname: '127.0.0.1',
    path: bare,
    query: Object.fromEntries(new URLSearchParams(query)),
    headers: { host: host(), 'x-amz-content-sha256': payload, ...headers },
  };
  const { headers: all } = (await signer.sign(request as never)) as unknown as { headers: Record<string, string> };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n');
}

/** Sends text and answers what comes back until the connection ends, `until` appears, or 3 s pass. */
async function exchange(send: (socket: ReturnType<typeof connect>) => void, until?: RegExp): Promise<string> {
  const [name = '', port = ''] = host().split(':');
  const socket = connect(Number(port), name);
  let received = '';
  return new Promise((resolve) => {
    const done = (): void => {
      socket.destroy();
      resolve(received);
    };
    setTimeout(done, 3_000).unref();
    socket.on('data', (data) => {
      received += data.toString('latin1');
      if (until?.test(received)) done();
    });
    socket
      .once('close', done)
      .once('error', done)
      .once('connect', () => send(socket));
  });
}

describe('Expect: 100-continue', () => {
  const head = (path: string, length: number): Promise<string> =>
    signed({ method: 'PUT', path, headers: { expect: '100-continue', 'content-length': String(length) } });

  test('is answered when the request is authorized', async () => {
    const text = await head(`/${Bucket}/expected`, 5);
    const answer = await exchange((socket) => {
      socket.write(text);
      socket.once('data', () => socket.write('hello'));
    }, /200 OK[\s\S]*\r\n\r\n/);
    expect(answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK/);
    expect((await get(c.s3, 'expected')).toString()).toBe('hello');
  });

  test.each([
    ['an unknown bucket', '/no-such-bucket/x', '404', 'NoSuchBucket'],
    ['a missing operation', `/${Bucket}/x?tagging=`, '501', 'NotImplemented'],
  ])('is not answered for %s', async (_what, path, status, code) => {
    const text = await head(path, 5);
    const answer = await exchange((socket) => socket.write(text), /<\/Error>/);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status}`));
    expect(answer).toContain(`<Code>${code}</Code>`);
    expect(answer).not.toContain('100 Continue');
  });
});

describe('bad input', () => {
  const answers = async (head: Head, body = '', until = /<\/Error>/): Promise<string> => {
    const text = await signed(head);
    return exchange((socket) => socket.write(text + body), until);
  };

  test('without or with a forged signature', async () => {
    const unsigned = await exchange((s) => s.write(`GET /${Bucket} HTTP/1.1\r\nhost: ${host()}\r\n\r\n`), /<\/Error>/);
    expect(unsigned).toMatch(/^HTTP\/1.1 403[\s\S]*<Code>AccessDenied</);
    const good = await signed({ method: 'GET', path: `/${Bucket}` });
    const forged = good.replace(/Signature=[0-9a-f]{4}/, 'Signature=0000');
    expect(await exchange((s) => s.write(forged), /<\/Error>/)).toContain('<Code>SignatureDoesNotMatch<');
  });

  test('a body above the limit is refused before it is read', async () => {
    const length = String(6 * 1024 ** 3);
    const head = { method: 'PUT', path: `/${Bucket}/huge`, headers: { 'content-length': length } };
    expect(await answers(head)).toContain('<Code>EntityTooLarge<');
    const xml = { method: 'POST', path: `/${Bucket}?delete=`, headers: { 'content-length': '99999999' } };
    expect(await answers(xml)).toContain('<Code>MaxMessageLengthExceeded<');
  });

  test('a body that is not the signed one', async () => {
    const payload = createHash('sha256').update('hello').digest('hex');
    const head = { method: 'PUT', path: `/${Bucket}/hash`, payload, headers: { 'content-length': '5' } };
    expect(await answers(head, 'hellx')).toContain('<Code>XAmzContentSHA256Mismatch<');
    await expect(get(c.s3, 'hash')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  test('a body that ends early leaves the old object', async () => {
    await put(c.s3, 'short', 'whole');
    const text = await signed({ method: 'PUT', path: `/${Bucket}/short`, headers: { 'content-length': '100' } });
    await exchange((socket) => {
      socket.write(`${text}ten bytes.`);
      socket.end();
    });
    expect((await get(c.s3, 'short')).toString()).toBe('whole');
  });

  test('no length', async () => {
    const head = { method: 'PUT', path: `/${Bucket}/x`, headers: { 'transfer-encoding': 'chunked' } };
    expect(await answers(head, '5\r\nhello\r\n0\r\n\r\n')).toContain('<Code>MissingContentLength<');
  });

  test('a path that is no UTF-8', async () => {
    const bad = await exchange(
      (s) => s.write(`GET /${Bucket}/%ff%fe HTTP/1.1\r\nhost: ${host()}\r\n\r\n`),
      /<\/Error>/,
    );
    expect(bad).toContain('<Code>InvalidURI<');
  });

  test('a NUL, wherever a name may stand', async () => {
    expect(await answers({ method: 'GET', path: `/${Bucket}/a%00b` })).toContain('<Code>InvalidURI<');
    expect(await answers({ method: 'GET', path: '/buck%00et' })).toContain('<Code>InvalidURI<');
    expect(await answers({ method: 'GET', path: `/${Bucket}?list-type=2&prefix=%00` })).toContain('<Code>InvalidURI<');
    const copy = { 'x-amz-copy-source': `${Bucket}/a%00b`, 'content-length': '0' };
    expect(await answers({ method: 'PUT', path: `/${Bucket}/x`, headers: copy })).toContain('<Code>InvalidArgument<');
    const body = '<Delete><Object><Key>a&#0;b</Key></Object></Delete>';
    const head = { method: 'POST', path: `/${Bucket}?delete=`, headers: { 'content-length': String(body.length) } };
    expect(await answers(head, body)).toContain('<Code>MalformedXML<');
  });

  test('a head that is no HTTP, and one that is too long', async () => {
    expect(await exchange((s) => s.write('no HTTP at all\r\n\r\n'), /<\/Error>/)).toContain('<Code>BadRequest<');
    const long = `GET / HTTP/1.1\r\nhost: ${host()}\r\nx-long: ${'x'.repeat(90_000)}\r\n\r\n`;
    expect(await exchange((s) => s.write(long), /<\/Error>/)).toContain('<Code>RequestHeaderSectionTooLarge<');
  });

  test('malformed XML', async () => {
    const body = '<Delete><Object>';
    const head = { method: 'POST', path: `/${Bucket}?delete=`, headers: { 'content-length': String(body.length) } };
    expect(await answers(head, body)).toContain('<Code>MalformedXML<');
  });

  test('another method, and one that no object has', async () => {
    expect(await answers({ method: 'PATCH', path: `/${Bucket}/x` })).toContain('<Code>MethodNotAllowed<');
    const post = { method: 'POST', path: `/${Bucket}/x`, headers: { 'content-length': '0' } };
    expect(await answers(post)).toContain('<Code>MethodNotAllowed<');
  });

  test('no stack trace on any of them', async () => {
    const text = await answers({ method: 'GET', path: `/${Bucket}/x?uploadId=%00` });
    expect(text).not.toMatch(/\bat .*\.(ts|js):\d+/);
  });
});

describe('aws-chunked', () => {
  test('unsigned with a trailer', async () => {
    const head = await signed({
      method: 'PUT',
      path: `/${Bucket}/chunked`,
      payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      headers: {
        'content-encoding': 'aws-chunked',
        'x-amz-decoded-content-length': '5',
        'x-amz-trailer': 'x-amz-checksum-crc64nvme',
        'content-length': String('5\r\nhello\r\n0\r\nx-amz-checksum-crc64nvme:M3eFcAZSQlc=\r\n\r\n'.length),
      },
    });
    const body = '5\r\nhello\r\n0\r\nx-amz-checksum-crc64nvme:M3eFcAZSQlc=\r\n\r\n';
    const answer = await exchange((socket) => socket.write(head + body), /\r\n\r\n/);
    expect(answer).toMatch(/^HTTP\/1.1 200 OK/);
    expect(answer).toContain('x-amz-checksum-crc64nvme: M3eFcAZSQlc=');
    expect((await get(c.s3, 'chunked')).toString()).toBe('hello');
    const wrong = body.replace('M3eF', 'M3eG');
    expect(await exchange((socket) => socket.write(head + wrong), /<\/Error>/)).toContain('<Code>BadDigest<');
  });
});
