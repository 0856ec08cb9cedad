import type { Authentication } from './authentication.js';
import { ordinaryPath, s3Path } from './encoding.js';
import type { Flavour } from './errors.js';
import type { QueryParameter, RawRequest } from './request.js';
import { sha256Hex } from './signing.js';

/** The text whose hash is signed (SigV4, "Create a canonical request"). `bodyHash` ends it. */
export function canonicalRequest(
  request: RawRequest,
  signedHeaders: readonly string[],
  bodyHash: string,
  flavour: Flavour,
): string {
  const { path, query } = request.target;
  const uri = flavour === 's3' ? s3Path(path) : ordinaryPath(path);
  let headers = '';
  for (const name of signedHeaders) headers += `${name}:${canonicalValue(request.headers.get(name) ?? '')}\n`;
  return `${request.method}\n${uri}\n${canonicalQuery(query)}\n${headers}\n${signedHeaders.join(';')}\n${bodyHash}`;
}

/** The text that is signed with the scope's key. */
export function stringToSign(auth: Pick<Authentication, 'timestamp' | 'scope'>, canonical: string): string {
  return `AWS4-HMAC-SHA256\n${auth.timestamp}\n${auth.scope}\n${sha256Hex(canonical)}`;
}

function canonicalValue(value: string): string {
  return value.trim().replace(/[ \t]{2,}|\t/g, ' ');
}

function canonicalQuery(query: readonly QueryParameter[]): string {
  if (query.length === 0) return '';
  const signed = query.filter(([name]) => name !== 'X-Amz-Signature').sort(byNameThenValue);
  return signed.map(([name, value]) => `${name}=${value}`).join('&');
}

// Both are ASCII by now, so that the order of strings is the order of bytes.
function byNameThenValue([a, x]: QueryParameter, [b, y]: QueryParameter): number {
  if (a !== b) return a < b ? -1 : 1;
  return x < y ? -1 : x > y ? 1 : 0;
}
