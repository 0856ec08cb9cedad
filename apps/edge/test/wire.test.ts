import { connect } from 'node:net';
import { formatTimestamp } from '@keystead/sigv4';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { maxBody } from '../src/http/body.js';
import { type Cluster, cluster } from '@keystead/testing/cluster';
import { type Answer, form, json, send, sendSigned, sign, socketTalk } from './support/raw.js';

let running: Cluster;
beforeAll(async () => {
  running = await cluster();
});
afterAll(() => running[Symbol.asyncDispose]());

const kms = (operation: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> =>
  sendSigned(running, 'kms', { headers: { ...json(`TrentService.${operation}`), ...headers }, body });

const iam = (body: string | Buffer, headers: Record<string, string> = form): Promise<Answer> =>
  sendSigned(running, 'iam', { headers, body });

const typeOf = (answer: Answer): unknown => (JSON.parse(answer.body) as { __type: unknown }).__type;
const codeOf = (answer: Answer): string | undefined => /<Code>(\w+)<\/Code>/.exec(answer.body)?.[1];

describe('JSON 1.1', () => {
  test('an answer has the request id and the content type; an operation without output has no body', async () => {
    const made = await kms('CreateKey', '{}');
    expect(made.status).toBe(200);
    expect(made.headers).toMatchObject({ 'content-type': 'application/x-amz-json-1.1', 'cache-control': 'no-store' });
    expect(made.headers['x-amzn-requestid']).toMatch(/^[0-9a-f-]{36}$/);
    const { KeyMetadata } = JSON.parse(made.body) as { KeyMetadata: { KeyId: string; CreationDate: number } };
    expect(KeyMetadata.CreationDate).toBeCloseTo(Date.now() / 1000, -2);
    const disabled = await kms('DisableKey', JSON.stringify({ KeyId: KeyMetadata.KeyId }));
    expect(disabled).toMatchObject({ status: 200, body: '' });
  });

  test('a damaged ciphertext is InvalidCiphertextException with an empty message', async () => {
    const answer = await kms('Decrypt', '{"CiphertextBlob":"AAAA"}');
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toEqual({ __type: 'InvalidCiphertextException', message: '' });
  });

  test.each([
    ['', 'SerializationException'],
    ['{', 'SerializationException'],
    ['[]', 'SerializationException'],
    ['null', 'SerializationException'],
    ['{"KeyId":1}', 'SerializationException'],
    ['{"KeyId":"a","Plaintext":"not base64!"}', 'SerializationException'],
    ['{"KeyId":"a","Plaintext":"AA==","EncryptionContext":{"a":null}}', 'SerializationException'],
    ['{"KeyId":"a","Plaintext":"AA==","GrantTokens":"x"}', 'SerializationException'],
    [Buffer.from([0x22, 0xff, 0x22]), 'SerializationException'],
    ['['.repeat(200_000), 'SerializationException'],
    ['{"Plaintext":"AA=="}', 'ValidationException'],
    ['{"KeyId":"alias/nothing","Plaintext":"AA=="}', 'NotFoundException'],
  ])('Encrypt %#', async (body, wanted) => {
    const answer = await kms('Encrypt', body);
    expect(answer.status).toBe(400);
    expect(typeOf(answer)).toBe(wanted);
  });

  test('what is not known is UnknownOperationException', async () => {
    expect(typeOf(await kms('NoSuchThing', '{}'))).toBe('UnknownOperationException');
    expect(typeOf(await kms('ListKeys', '{}', { 'content-type': 'text/plain' }))).toBe('UnknownOperationException');
    expect(typeOf(await kms('constructor', '{}'))).toBe('UnknownOperationException');
    const other = { headers: json('DynamoDB_20120810.ListTables'), body: '{}' };
    expect(typeOf(await sendSigned(running, 'dynamodb', other))).toBe('UnknownOperationException');
  });

  test('CloudTrail is known by both names, and says what it does not offer', async () => {
    for (const prefix of ['com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101', 'CloudTrail_20131101']) {
      const one = (name: string): Promise<Answer> =>
        sendSigned(running, 'cloudtrail', { headers: json(`${prefix}.${name}`), body: '{}' });
      expect(typeOf(await one('DescribeTrails'))).toBe('UnsupportedOperationException');
      expect(typeOf(await one('Nonsense'))).toBe('UnknownOperationException');
    }
  });
});

describe('who is calling', () => {
  const list = { headers: json('TrentService.ListKeys'), body: '{}' };

  test('nobody', async () => {
    const answer = await send(running.endpoint, list);
    expect(answer.status).toBe(400);
    expect(typeOf(answer)).toBe('MissingAuthenticationTokenException');
    const query = await send(running.endpoint, { headers: form, body: 'Action=ListUsers&Version=2010-05-08' });
    expect(query.status).toBe(403);
    expect(codeOf(query)).toBe('MissingAuthenticationToken');
  });

  test('a clock that is 16 minutes off', async () => {
    const old = await sendSigned(running, 'kms', list, Date.now() - 16 * 60_000);
    expect(typeOf(old)).toBe('InvalidSignatureException');
    expect(old.body).toContain('Signature expired');
    const early = await sendSigned(running, 'kms', list, Date.now() + 16 * 60_000);
    expect(early.body).toContain('Signature not yet current');
  });

  test('a signature for another service or body', async () => {
    expect(typeOf(await sendSigned(running, 'iam', list))).toBe('InvalidSignatureException');
    const signed = sign(running, 'kms', list);
    expect(typeOf(await send(running.endpoint, { ...signed, body: '{"Limit":1}' }))).toBe('InvalidSignatureException');
  });

  test('a session token that nobody gave out', async () => {
    const headers = { ...list.headers, 'x-amz-security-token': 'made-up' };
    expect(typeOf(await sendSigned(running, 'kms', { ...list, headers }))).toBe('UnrecognizedClientException');
  });

  test('a malformed Authorization header', async () => {
    const headers = { ...list.headers, authorization: 'AWS4-HMAC-SHA256 Credential=x' };
    expect(typeOf(await send(running.endpoint, { ...list, headers }))).toBe('IncompleteSignatureException');
  });
});

describe('Query', () => {
  test('empty lists are written, and the request id comes twice', async () => {
    const answer = await iam('Action=ListGroups&Version=2010-05-08');
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('<Groups></Groups><IsTruncated>false</IsTruncated>');
    expect(answer.body).toContain(`<RequestId>${String(answer.headers['x-amzn-requestid'])}</RequestId>`);
  });

  test('GetCallerIdentity works over GET', async () => {
    const path = '/?Action=GetCallerIdentity&Version=2011-06-15';
    const answer = await sendSigned(running, 'sts', { method: 'GET', path });
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('<Account>000000000000</Account>');
  });

  test.each([
    ['Action=NoSuchThing&Version=2010-05-08', 'InvalidAction', 400],
    ['Action=ListUsers&Version=1999-01-01', 'InvalidAction', 400],
    ['Version=2010-05-08', 'InvalidAction', 400],
    ['Action=ListUsers&Version=2010-05-08&Marker=%zz', 'MalformedQueryString', 400],
    ['Action=ListUsers&Action=ListUsers&Version=2010-05-08', 'MalformedQueryString', 400],
    ['Action=ListUsers&Version=2010-05-08&MaxItems=many', 'ValidationError', 400],
    ['Action=TagUser&Version=2010-05-08&UserName=a&Tags.member.x.Key=k', 'MalformedQueryString', 400],
    ['Action=GetUser&Version=2010-05-08&UserName=nobody', 'NoSuchEntity', 404],
    ['&'.repeat(3_000), 'MalformedQueryString', 400],
  ])('%s', async (body, code, status) => {
    const answer = await iam(body);
    expect(codeOf(answer)).toBe(code);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain('<Type>Sender</Type>');
  });
});

describe('limits', () => {
  test('a body above the limit is refused by its length, before it is sent', async () => {
    const signed = sign(running, 'kms', { headers: json('TrentService.ListKeys') });
    const lines = Object.entries(signed.headers ?? {})
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    const answer = await socketTalk(
      running.endpoint,
      `POST / HTTP/1.1\r\n${lines}Content-Length: ${maxBody + 1}\r\n\r\n`,
      500,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('RequestEntityTooLargeException');
    expect(answer).toContain('Connection: close');
  });

  test('a body without a length is refused as soon as it grows too large', async () => {
    const signed = sign(running, 'kms', { headers: json('TrentService.ListKeys') });
    const body = Buffer.alloc(maxBody + 70_000, 'a');
    const headers = { ...signed.headers, 'transfer-encoding': 'chunked' };
    const answer = await send(running.endpoint, { headers, body });
    expect(answer.status).toBe(413);
  });

  test('bodies that strangers begin and do not end leave room for others', async () => {
    const { hostname, port } = new URL(running.endpoint);
    const time = formatTimestamp(Date.now());
    const credential = `Credential=AKIAAAAAAAAAAAAAAAAA/${time.slice(0, 8)}/us-east-1/kms/aws4_request`;
    const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host;x-amz-date;x-amz-target, Signature=${'a'.repeat(64)}`;
    const head = `POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: TrentService.ListKeys\r\nX-Amz-Date: ${time}\r\nAuthorization: ${authorization}\r\n`;
    const unfinished = Buffer.concat([
      Buffer.from(`${head}Content-Length: ${maxBody}\r\n\r\n`),
      Buffer.alloc(maxBody - 1),
    ]);
    let answers = '';
    const sockets = Array.from({ length: 140 }, () => {
      const socket = connect(Number(port), hostname, () => socket.write(unfinished));
      return socket.on('data', (text: Buffer) => (answers += text.toString('latin1'))).on('error', () => undefined);
    });
    await vi.waitFor(() => expect(answers).toContain('ThrottlingException'), { timeout: 10_000 });
    expect((await kms('ListKeys', '{}')).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(async () => {
      const large = JSON.stringify({ Marker: 'a'.repeat(100_000) });
      expect(typeOf(await kms('ListKeys', large))).toBe('ValidationException');
    });
  });

  test('what is not HTTP, and a head that is too large, get one plain answer', async () => {
    expect(await socketTalk(running.endpoint, 'hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    const large = `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(70_000)}\r\n\r\n`;
    expect(await socketTalk(running.endpoint, large)).toContain('RequestHeaderSectionTooLarge');
    const many = `GET / HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(1_000)}\r\n`;
    expect(await socketTalk(running.endpoint, many, 500)).toContain('RequestHeaderSectionTooLarge');
  });

  test('a header that says who asks whom is not given twice', async () => {
    for (const line of ['Host: y', 'Authorization: a', 'X-Amz-Target: TrentService.ListKeys', 'X-Amz-Date: x']) {
      const head = `POST / HTTP/1.1\r\nHost: x\r\nAuthorization: b\r\nX-Amz-Target: TrentService.Encrypt\r\nX-Amz-Date: y\r\n`;
      const answer = await socketTalk(running.endpoint, `${head}${line}\r\nContent-Length: 2\r\n\r\n{}`, 500);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('given twice');
    }
  });

  test('Expect: 100-continue is answered', async () => {
    const head =
      'POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: TrentService.ListKeys\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n';
    const answer = await socketTalk(running.endpoint, `${head}{}`, 500);
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 400 /);
  });
});

describe('a service that does not answer', () => {
  test('what it never got is recorded all the same', async () => {
    await running.stop('kms-service');
    const answer = await kms('ListKeys', '{}');
    expect(answer.status).toBe(500);
    expect(typeOf(answer)).toBe('KMSInternalException');
    const target = json('com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents');
    const attribute = { AttributeKey: 'EventName', AttributeValue: 'ListKeys' };
    const body = JSON.stringify({ LookupAttributes: [attribute], MaxResults: 1 });
    const found = await sendSigned(running, 'cloudtrail', { headers: target, body });
    const { Events } = JSON.parse(found.body) as { Events: { CloudTrailEvent: string }[] };
    expect(JSON.parse(Events[0]?.CloudTrailEvent ?? '{}')).toMatchObject({
      eventSource: 'kms.amazonaws.com',
      errorCode: 'KMSInternalException',
      requestID: answer.headers['x-amzn-requestid'],
    });
    await running.start('kms-service');
    expect((await kms('ListKeys', '{}')).status).toBe(200);
  });
});

describe('own pages', () => {
  test('health tells every service', async () => {
    const answer = await send(running.endpoint, { method: 'GET', path: '/_keystead/health' });
    const names = ['edge', 'hsm-service', 'kms-service', 'iam-service', 'audit-service', 'object-store-gateway'];
    const services = Object.fromEntries(names.map((name) => [name, 'SERVING']));
    expect(JSON.parse(answer.body)).toEqual({ status: 'SERVING', services });
    expect(answer.status).toBe(200);
  });

  test('there is nothing else', async () => {
    expect((await send(running.endpoint, { method: 'GET', path: '/_keystead/else' })).status).toBe(404);
    expect((await send(running.endpoint, { method: 'GET', path: '/_keystead/reset' })).status).toBe(404);
  });
});
