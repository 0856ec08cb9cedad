import { createHash, createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import {
  deriveSigningKey,
  formatTimestamp,
  canonicalRequest,
  readHeaders,
  readTarget,
  sha256Hex,
} from '@keystead/sigv4';
import type { Cluster } from '@keystead/testing/cluster';

/** Where to send to, and in whose name. */
export type Installation = Pick<Cluster, 'endpoint' | 'credentials'>;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Raw {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

/** One request exactly as given. */
export function send(endpoint: string, { method = 'POST', path = '/', headers = {}, body = '' }: Raw): Promise<Answer> {
  const { hostname: host, port } = new URL(endpoint);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host, port, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        });
      });
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** The same, signed by the administrator for `service` at `time`. */
export function sendSigned(to: Installation, service: string, raw: Raw, time = Date.now()): Promise<Answer> {
  return send(to.endpoint, sign(to, service, raw, time));
}

export function sign({ endpoint, credentials }: Installation, service: string, raw: Raw, time = Date.now()): Raw {
  const { method = 'POST', path = '/', headers = {}, body = '' } = raw;
  const timestamp = formatTimestamp(time);
  const date = timestamp.slice(0, 8);
  const all: Record<string, string> = { ...headers, host: new URL(endpoint).host, 'x-amz-date': timestamp };
  const names = Object.keys(all)
    .map((name) => name.toLowerCase())
    .sort();
  const head = { method, target: readTarget(path), headers: readHeaders(Object.entries(all).flat()) };
  const canonical = canonicalRequest(head, names, createHash('sha256').update(body).digest('hex'), 'json');
  const scope = `${date}/us-east-1/${service}/aws4_request`;
  const key = deriveSigningKey(credentials.secretAccessKey, date, 'us-east-1', service);
  const text = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${sha256Hex(canonical)}`;
  const signature = createHmac('sha256', key).update(text).digest('hex');
  const credential = `Credential=${credentials.accessKeyId}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { method, path, body, headers: { ...all, authorization } };
}

/** Bytes on a socket; gives everything that comes back until the other side closes or `ms` pass. */
export function socketTalk(endpoint: string, bytes: string | Buffer, ms = 3_000): Promise<string> {
  const { hostname: host, port } = new URL(endpoint);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), host, () => socket.write(bytes));
    const done = (): void => {
      socket.destroy();
      resolve(Buffer.concat(chunks).toString('latin1'));
    };
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('close', done).on('error', done);
    setTimeout(done, ms).unref();
  });
}

export const json = (target: string): Record<string, string> => ({
  'content-type': 'application/x-amz-json-1.1',
  'x-amz-target': target,
});

export const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
