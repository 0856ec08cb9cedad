import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError } from '@keystead/service';
import { afterAll, afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { s3Backend, type S3BackendOptions } from '../src/backend/s3/store.js';

let answer: RequestListener = () => undefined;
const server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1');
await once(server, 'listening');
const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
afterAll(() => server.close());
afterEach(() => void vi.useRealTimers());

const options = {
  endpoint: `${at}/`,
  ...{ accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret', region: 'us-east-1', bucketPrefix: 'keystead-' },
};

/** The sentence with which a gateway on this store does not start. */
async function refusal(changed: Partial<S3BackendOptions> = {}): Promise<string> {
  const error = await s3Backend({ ...options, ...changed }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).message;
}

function refuse(status: number, body: string): void {
  answer = (_, response) => response.writeHead(status, { 'content-type': 'application/xml' }).end(body);
}

// Codes and status as in https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
test.each([
  [403, 'InvalidAccessKeyId', 'refuses the credentials (InvalidAccessKeyId): correct KEYSTEAD_S3_ACCESS_KEY_ID'],
  [403, 'AccessDenied', 'does not let these credentials use the bucket keystead-objects (AccessDenied): allow them'],
  [403, 'RequestTimeTooSkewed', 'do not agree on the time (RequestTimeTooSkewed): set the clock that is wrong.'],
  [400, 'AuthorizationHeaderMalformed', 'in another Region (AuthorizationHeaderMalformed): name it with KEYSTEAD_S3_R'],
  [301, 'PermanentRedirect', 'in another Region (PermanentRedirect)'],
  [409, 'BucketAlreadyExists', '(BucketAlreadyExists): choose another KEYSTEAD_S3_BUCKET_PREFIX.'],
  [400, 'EntirelyNew', 'does not serve the bucket keystead-objects (EntirelyNew): its own log says more.'],
])('a refusal with %i %s says what to do', async (status, code, words) => {
  refuse(status, `<?xml version="1.0"?><Error><Code>${code}</Code><Message>the\nstore's own</Message></Error>`);
  const sentence = await refusal();
  expect(sentence).toContain(`The object store at ${at} `);
  expect(sentence).toContain(words);
  expect(sentence).not.toContain('\n');
});

test('a store that cannot serve now is not taken for a wrong one', async () => {
  vi.spyOn(console, 'warn').mockReturnValue();
  onTestFinished(() => void vi.restoreAllMocks());
  refuse(503, '');
  expect(await refusal()).toContain('does not serve the bucket keystead-objects (HTTP 503)');
});

test.each([
  [400, '<Error><Code>InvalidArgument</Code><Message>S3 API Requests must be made to API port.</Message></Error>'],
  [200, '<!DOCTYPE html><p>Welcome'],
  [200, ''],
  [404, '<!DOCTYPE html><p>Not here'],
  [404, ''],
  [405, ''],
  [400, 'Client sent an HTTP request to an HTTPS server.\n'],
])('an answer that no S3 store gives: %i "%s"', async (status, body) => {
  refuse(status, body);
  expect(await refusal()).toMatch(/^What answers at http:\/\/127\.0\.0\.1:\d+ is no S3 store/);
});

test('a store that takes the request and is silent', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const asked = new Promise<void>((resolve) => (answer = () => resolve()));
  const sentence = refusal();
  await asked;
  vi.advanceTimersByTime(10_000);
  expect(await sentence).toBe(
    `Nothing answers at ${at} (ETIMEDOUT): start the object store, or name its right endpoint.`,
  );
  server.closeAllConnections();
});

test('a name that does not exist, and a prefix that is none', async () => {
  expect(await refusal({ endpoint: 'http://store.invalid:9000' })).toMatch(
    /^Nothing answers at http:\/\/store\.invalid:9000 \((ENOTFOUND|EAI_AGAIN)\)/,
  );
  expect(await refusal({ bucketPrefix: 'Key_' })).toContain('(InvalidBucketName): choose another KEYSTEAD_S3_BUCKET');
});

test('a bucket that is missing is made, and one that is there is taken', async () => {
  let there = false;
  const seen: string[] = [];
  answer = ({ method = '', url = '' }, response) => {
    seen.push(`${method} ${url.replace(/\?.*/, '')}`);
    const missing = method === 'GET' && !there;
    there = true;
    response.writeHead(missing ? 404 : 200);
    response.end(
      missing ? '<Error><Code>NoSuchBucket</Code></Error>' : '<ListBucketResult><Name>b</Name></ListBucketResult>',
    );
  };
  await (await s3Backend(options)).close();
  await (await s3Backend(options)).close();
  expect(seen).toEqual(['GET /keystead-objects', 'PUT /keystead-objects', 'GET /keystead-objects']);
});
