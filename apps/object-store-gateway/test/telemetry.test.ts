import { randomBytes } from 'node:crypto';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { GetObjectAclCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { clientSpan, currentTraceParent, startTelemetry } from '@keystead/service';
import { freePort } from '@keystead/testing/free-port';
import { traceCollector } from '@keystead/testing/trace-collector';
import type { CollectedSpan as Span, TraceCollector } from '@keystead/testing/trace-collector';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Batches } from '../src/store/batches.js';
import { Bucket, get, put, system } from './support/system.js';
import type { System } from './support/system.js';

const SERVER = 2;
const ERROR = 2;

let collector: TraceCollector;

/** Resolves when spans have arrived that `enough` is content with. */
async function arrived<T>(enough: () => T | undefined): Promise<T> {
  for (;;) {
    const found = enough();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const attribute = (span: Span, name: string): unknown =>
  Object.values(span.attributes.find(({ key }) => key === name)?.value ?? {})[0];

const trace = (traceId: string): Span[] => collector.spans.filter((span) => span.traceId === traceId);

/** Names of the servers above a span, from the outermost to the one itself. */
function servers(span: Span): string[] {
  const parent = collector.spans.find(({ spanId }) => spanId === span.parentSpanId);
  return [...(parent ? servers(parent) : []), ...(span.kind === SERVER ? [span.name] : [])];
}

let c: System;
let s3: S3Client;
let stop: () => Promise<void>;
let opsPort: number;
let SSEKMSKeyId: string;

beforeAll(async () => {
  collector = await traceCollector();
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = collector.endpoint;
  process.env['OTEL_EXPORTER_OTLP_PROTOCOL'] = 'http/json';
  process.env['OTEL_BSP_SCHEDULE_DELAY'] = '50';
  stop = await startTelemetry('test', process.env);
  opsPort = await freePort();
  c = await system({ KEYSTEAD_OPS_LISTEN: `127.0.0.1:${opsPort}` });
  s3 = c.s3;
  const { KeyMetadata } = await c.kms.send(new CreateKeyCommand({}));
  SSEKMSKeyId = KeyMetadata?.KeyId ?? '';
}, 60_000);
afterAll(async () => {
  await c[Symbol.asyncDispose]();
  await stop();
  collector.close();
});

/** Sends a presigned request in a trace of its own. */
async function send(url: string, init: RequestInit = {}): Promise<{ status: number; traceId: string; parent: string }> {
  const [traceId, parent] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  const headers = { ...(init.headers as Record<string, string>), traceparent: `00-${traceId}-${parent}-01` };
  const response = await fetch(url, { ...init, headers });
  await response.arrayBuffer();
  return { status: response.status, traceId, parent };
}

async function putUnderKey(client: S3Client, Key: string, body = 'hello') {
  const headers = {
    'x-amz-server-side-encryption': 'aws:kms',
    'x-amz-server-side-encryption-aws-kms-key-id': SSEKMSKeyId,
  };
  const command = new PutObjectCommand({ Bucket, Key, ServerSideEncryption: 'aws:kms', SSEKMSKeyId });
  const url = await getSignedUrl(client, command, { unhoistableHeaders: new Set(Object.keys(headers)) });
  return { url, sent: await send(url, { method: 'PUT', body, headers }) };
}

const getUrl = (Key: string): Promise<string> => getSignedUrl(s3, new GetObjectCommand({ Bucket, Key }));

/** The ways from server to server of one trace, once it has ended and so many records of it have arrived. */
async function waysOf(traceId: string, operation: string, records: number): Promise<string[]> {
  return arrived(() => {
    const ways = trace(traceId).flatMap((span) => (span.kind === SERVER ? [servers(span).join(' > ')] : []));
    const appends = ways.filter((way) => way.endsWith(' > append'));
    return ways.some((way) => way.endsWith(operation)) && appends.length >= records ? ways.sort() : undefined;
  });
}

const server = (traceId: string): Promise<Span> =>
  arrived(() => trace(traceId).find(({ kind, attributes }) => kind === SERVER && attributes.length > 0));

describe('a PUT with aws:kms', () => {
  test('is one trace through gateway, iam, kms, hsm and audit, which the client began', async () => {
    const Action = ['s3:*', 'kms:*'];
    const credentials = await c.user('traced', [{ Effect: 'Allow', Action, Resource: '*' }]);
    const { url, sent } = await putUnderKey(c.client({ credentials }), 'traced/größe');
    expect(sent.status).toBe(200);
    // Two records: that of the data key before the answer, and that of the PUT, which the outbox delivers.
    const ways = await waysOf(sent.traceId, 'PutObject', 2);
    expect(ways).toEqual(
      expect.arrayContaining([
        'PutObject',
        // Nobody has seen this user's access key before.
        'PutObject > /keystead.iam.v1.IamService/GetSigningKey',
        'PutObject > append',
        'PutObject > generateDataKey',
        'PutObject > generateDataKey > append',
        'PutObject > generateDataKey > generateDataKey',
      ]),
    );
    const spansOfIt = trace(sent.traceId);
    expect(spansOfIt.filter(({ parentSpanId }) => parentSpanId === sent.parent)).toMatchObject([
      { name: 'PutObject', kind: SERVER },
    ]);
    const span = await server(sent.traceId);
    expect(Object.fromEntries(span.attributes.map(({ key }) => [key, attribute(span, key)]))).toMatchObject({
      'http.request.method': 'PUT',
      'http.response.status_code': 200,
      'url.scheme': 'http',
      'url.path': `/${Bucket}/traced/gr%C3%B6%C3%9Fe`,
      'client.address': '127.0.0.1',
      'aws.s3.bucket': Bucket,
      'aws.s3.key': 'traced/größe',
    });
    expect(span.status.code ?? 0).toBe(0);
    const told = JSON.stringify(spansOfIt);
    for (const secret of ['X-Amz-Signature', 'X-Amz-Credential']) {
      expect(told).not.toContain(secret);
      expect(told).not.toContain(new URL(url).searchParams.get(secret));
    }
    expect(told).not.toContain(credentials.secretAccessKey);
  });

  test('hangs under the span of edge when it comes that way', async () => {
    const { sent } = await putUnderKey(c.client({ endpoint: c.cluster.endpoint }), 'by-edge');
    expect(sent.status).toBe(200);
    const ways = await waysOf(sent.traceId, 'PutObject', 2);
    expect(ways).toEqual(expect.arrayContaining(['S3', 'S3 > PutObject', 'S3 > PutObject > generateDataKey']));
    expect(trace(sent.traceId).filter(({ parentSpanId }) => parentSpanId === sent.parent)).toMatchObject([
      { name: 'S3', kind: SERVER },
    ]);
  });
});

describe('what is done for several callers at once', () => {
  test('each write has its own record in its trace, and no other', async () => {
    const puts = await Promise.all(Array.from({ length: 12 }, (_, n) => putUnderKey(s3, `together/${n}`)));
    for (const { sent } of puts) await waysOf(sent.traceId, 'PutObject', 2);
    // Another round of the outbox, so that a record in the wrong trace would have been seen.
    const { sent: last } = await putUnderKey(s3, 'together/last');
    await waysOf(last.traceId, 'PutObject', 2);
    for (const { sent } of puts) {
      const ways = await waysOf(sent.traceId, 'PutObject', 2);
      expect(ways.filter((way) => way === 'PutObject > append')).toHaveLength(1);
      expect(ways.filter((way) => way === 'PutObject > generateDataKey')).toHaveLength(1);
    }
  });

  test('each long read has its two records in its trace, and no other', async () => {
    await put(s3, 'long', randomBytes(2 << 20));
    const url = await getUrl('long');
    const gets = await Promise.all(Array.from({ length: 6 }, () => send(url)));
    for (const { traceId } of gets) await waysOf(traceId, 'GetObject', 2);
    for (const { traceId } of gets) {
      const ways = await waysOf(traceId, 'GetObject', 2);
      expect(ways.filter((way) => way === 'GetObject > append')).toHaveLength(2);
    }
  });

  test('the work of a batch is in nobody’s trace, and its callers go on in theirs', async () => {
    const during: string[] = [];
    const batches = new Batches<number, number>((items) => {
      during.push(currentTraceParent());
      return Promise.resolve(items);
    });
    const calls = [1, 2].map(async (item) => {
      const span = clientSpan('caller');
      const after = await span.run(async () => {
        await batches.do(item);
        return currentTraceParent();
      });
      span.end();
      return after === span.traceParent;
    });
    expect(await Promise.all(calls)).toEqual([true, true]);
    expect(during).toEqual(['']);
  });
});

describe('the status of a span', () => {
  test('a refusal is the client’s error', async () => {
    const { status, traceId } = await send(await getUrl('not-there'));
    expect(status).toBe(404);
    const span = await server(traceId);
    expect(span.name).toBe('GetObject');
    expect(span.status.code ?? 0).toBe(0);
    expect(attribute(span, 'keystead.error')).toBe('NoSuchKey');
    expect(attribute(span, 'error.type')).toBeUndefined();
  });

  test('a forged signature leaves no operation', async () => {
    const url = (await getUrl('long')).replace(/(X-Amz-Signature=)..../, '$1beef');
    const { status, traceId } = await send(url);
    expect(status).toBe(403);
    const span = await server(traceId);
    expect(span.name).toBe('UnknownOperation');
    expect(attribute(span, 'keystead.error')).toBe('SignatureDoesNotMatch');
  });

  test('what this system does not do is its own', async () => {
    const command = new GetObjectAclCommand({ Bucket, Key: 'long' });
    const { status, traceId } = await send(await getSignedUrl(s3, command));
    expect(status).toBe(501);
    const span = await server(traceId);
    expect(span.status.code).toBe(ERROR);
    expect(attribute(span, 'error.type')).toBe('NotImplemented');
  });
});

describe('metrics', () => {
  const lines = async (): Promise<string[]> =>
    (await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text()).split('\n').filter((line) => /_s3_/.test(line));
  /** The value of a series; 0 when there is none. */
  const value = async (name: string, labels: Readonly<Record<string, string>>): Promise<number> => {
    const wanted = Object.entries(labels).map(([label, is]) => `${label}="${is}"`);
    const found = (await lines()).filter(
      (line) => line.startsWith(`${name}{`) && wanted.every((label) => line.includes(label)),
    );
    return Number(found[0]?.split(' ').at(-1) ?? 0);
  };
  const requests = (operation: string, code: string) => value('keystead_s3_requests_total', { operation, code });

  test('requests are counted by operation and code, with their time and bytes', async () => {
    const counts = () =>
      Promise.all([
        requests('PutObject', ''),
        requests('GetObject', ''),
        requests('GetObject', 'NoSuchKey'),
        value('keystead_s3_requests_seconds_count', { operation: 'GetObject' }),
        value('keystead_s3_received_bytes_total', { operation: 'PutObject' }),
        value('keystead_s3_sent_bytes_total', { operation: 'GetObject' }),
      ]);
    const before = await counts();
    const bytes = 300_000;
    await put(s3, 'counted', randomBytes(bytes));
    expect(await get(s3, 'counted')).toHaveLength(bytes);
    await expect(get(s3, 'nowhere')).rejects.toMatchObject({ name: 'NoSuchKey' });
    const after = await counts();
    const [puts, gets, refused, timed, received = 0, sent = 0] = after.map((now, n) => now - (before[n] ?? 0));
    expect([puts, gets, refused, timed]).toEqual([1, 1, 1, 2]);
    // Heads, and the error document, are less than this.
    for (const moved of [received, sent]) expect(moved).toSatisfy((n: number) => n > bytes && n < bytes + 8_192);
  });

  test('refusals before authentication are counted', async () => {
    const before = await requests('UnknownOperation', 'SignatureDoesNotMatch');
    await send((await getUrl('counted')).replace(/(X-Amz-Signature=)..../, '$1beef'));
    expect(await requests('UnknownOperation', 'SignatureDoesNotMatch')).toBe(before + 1);
  });

  test('a caller makes no series of its own', async () => {
    const url = await getUrl('counted');
    await fetch(url, { method: 'PROPFIND' });
    await send(`${url}&x-made-up=1`);
    const stranger = c.client({ credentials: { accessKeyId: 'AKIAMADEUP0000000000', secretAccessKey: 'made-up' } });
    await expect(get(stranger, 'made-up-key')).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
    await expect(s3.send(new ListObjectsV2Command({ Bucket: 'made-up-bucket' }))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    });
    expect(await requests('UnknownOperation', 'InvalidAccessKeyId')).toBeGreaterThan(0);
    expect((await lines()).join('\n')).not.toMatch(/made-up|MADEUP|PROPFIND/i);
  });
});
