import { createHmac } from 'node:crypto';
import { deriveSigningKey, formatTimestamp, sha256Hex } from '@keystead/sigv4';

/** An access key as it signs. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface Unsigned {
  readonly method: string;
  /** Without a query; nothing in it needs an escape. */
  readonly path: string;
  /** The Host header. */
  readonly host: string;
  readonly service: 'kms' | 's3';
  readonly headers: Readonly<Record<string, string>>;
  /** Length of the body. */
  readonly length: number;
  /** SHA-256 of the body in hex, or UNSIGNED-PAYLOAD. */
  readonly payload: string;
}

const region = 'us-east-1';

/**
 * The head of a request, signed (SigV4 in the Authorization header). It is good for minutes and the server proves it each
 * time, so a load signs once for each slice and spends its own time on asking.
 */
export function signedHead(request: Unsigned, { accessKeyId, secretAccessKey }: Credentials): Buffer {
  const timestamp = formatTimestamp(Date.now());
  const date = timestamp.slice(0, 8);
  const headers = { ...request.headers, host: request.host, 'x-amz-date': timestamp };
  const sorted = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = sorted.map(([name]) => name).join(';');
  const lines = sorted.map(([name, value]) => `${name}:${value}\n`).join('');
  const canonical = [request.method, request.path, '', lines, names, request.payload].join('\n');
  const scope = `${date}/${region}/${request.service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', timestamp, scope, sha256Hex(canonical)].join('\n');
  const key = deriveSigningKey(secretAccessKey, date, region, request.service);
  const signature = createHmac('sha256', key).update(text).digest('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  const all = [...sorted, ['authorization', authorization], ['content-length', String(request.length)]];
  const fields = all.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`${request.method} ${request.path} HTTP/1.1\r\n${fields}\r\n`, 'latin1');
}
