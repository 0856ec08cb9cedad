import type { ContextRecord } from '@keystead/policy';
import type { S3Request } from './http/request.js';

const HEADERS = Object.entries({
  's3:x-amz-server-side-encryption': 'x-amz-server-side-encryption',
  's3:x-amz-server-side-encryption-aws-kms-key-id': 'x-amz-server-side-encryption-aws-kms-key-id',
  's3:x-amz-server-side-encryption-customer-algorithm': 'x-amz-server-side-encryption-customer-algorithm',
  's3:x-amz-acl': 'x-amz-acl',
  's3:x-amz-copy-source': 'x-amz-copy-source',
  's3:x-amz-metadata-directive': 'x-amz-metadata-directive',
  's3:x-amz-storage-class': 'x-amz-storage-class',
  's3:x-amz-content-sha256': 'x-amz-content-sha256',
  's3:x-amz-object-ownership': 'x-amz-object-ownership',
  's3:if-match': 'if-match',
  's3:if-none-match': 'if-none-match',
});

const PARAMETERS = Object.entries({
  's3:prefix': 'prefix',
  's3:delimiter': 'delimiter',
  's3:max-keys': 'max-keys',
  's3:VersionId': 'versionId',
});

/** The condition keys of S3: what the request says, never what a default makes of it. */
export function conditionValues(request: S3Request, account: string): ContextRecord {
  const values: Record<string, string | undefined> = {
    's3:ResourceAccount': account,
    's3:authType': request.auth.form === 'header' ? 'REST-HEADER' : 'REST-QUERY-STRING',
    's3:signatureversion': 'AWS4-HMAC-SHA256',
    's3:signatureAge': String(Math.max(0, Date.now() - request.auth.time)),
    's3:TlsVersion': request.arrival.tlsVersion.replace(/^TLSv/, '') || undefined,
  };
  for (const [key, name] of HEADERS) values[key] = request.header(name);
  for (const [key, name] of PARAMETERS) values[key] = request.query.get(name);
  return values;
}
