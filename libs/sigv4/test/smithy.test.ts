import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, test } from 'vitest';
import { deriveSigningKey, readAuthentication, readTimestamp, sha256Hex, verifySignature } from '../src/index.js';
import { expectedFor, failureOf, request } from './support.js';

const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const now = readTimestamp('20261122T180000Z') as number;

/** The hash constructor that smithy wants. */
class Sha256 {
  readonly #hash;
  constructor(key?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', bytes(key));
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytes(data));
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {
    throw new Error('a hash is used once');
  }
}

function bytes(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

interface Sent {
  method: string;
  path: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: string;
}

function signer(service: string): SignatureV4 {
  const s3 = service === 's3';
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: secret };
  return new SignatureV4({
    service,
    region: 'us-east-1',
    credentials,
    sha256: Sha256,
    uriEscapePath: !s3,
    applyChecksum: s3,
  });
}

function plain(sent: Sent): Parameters<SignatureV4['sign']>[0] {
  const headers = { host: '127.0.0.1:4566', ...sent.headers };
  return { protocol: 'http:', hostname: '127.0.0.1', port: 4566, query: {}, ...sent, headers };
}

type Signed = Awaited<ReturnType<SignatureV4['sign']>>;

function target(signed: Signed): string {
  const pairs = Object.entries(signed.query ?? {}).map(([name, value]) => `${escape(name)}=${escape(String(value))}`);
  return pairs.length > 0 ? `${signed.path}?${pairs.join('&')}` : signed.path;
}

function escape(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function check(signed: Signed, service: string, body = '', at = now): void {
  const raw = request(signed.method, target(signed), Object.entries(signed.headers));
  const auth = readAuthentication(raw, expectedFor(service), at);
  verifySignature(raw, auth, deriveSigningKey(secret, auth.date, auth.region, auth.service), sha256Hex(body));
}

const cases: [name: string, service: string, sent: Sent][] = [
  ['kms', 'kms', { method: 'POST', path: '/', headers: { 'x-amz-target': 'TrentService.Encrypt' }, body: '{"a":1}' }],
  ['encoded path', 'execute-api', { method: 'GET', path: '/a%20b/%C3%A9', query: { b: 'x y', a: "!'()*" } }],
  [
    's3 path',
    's3',
    { method: 'GET', path: '/bucket/a%20b/%C3%A9//./c%21%27%28%29%2A', query: { 'x-id': 'GetObject' } },
  ],
  ['s3 put', 's3', { method: 'PUT', path: '/bucket/key', body: 'hello' }],
  ['s3 empty values', 's3', { method: 'POST', path: '/bucket/key', query: { uploads: '', delete: '' } }],
];

describe('requests signed by @smithy/signature-v4', () => {
  for (const [name, service, sent] of cases) {
    test(`${name}, header form`, async () => {
      check(await signer(service).sign(plain(sent), { signingDate: new Date(now) }), service, sent.body);
    });

    test(`${name}, presigned`, async () => {
      // As @aws-sdk/s3-request-presigner does.
      const unsigned = service === 's3' ? { headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } } : {};
      const signed = await signer(service).presign(plain({ ...sent, ...unsigned }), {
        signingDate: new Date(now),
        expiresIn: 60,
      });
      check(signed, service, sent.body);
      expect(failureOf(() => check(signed, service, sent.body, now + 61_000))).toBe('Expired');
      expect(failureOf(() => check({ ...signed, path: '/else' }, service, sent.body))).toBe('SignatureMismatch');
    });
  }
});
