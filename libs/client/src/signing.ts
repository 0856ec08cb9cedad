import { CallCredentials, Metadata } from '@grpc/grpc-js';
import {
  canonicalRequest,
  deriveSigningKey,
  formatTimestamp,
  signText,
  stringToSign,
  unsignedPayload,
} from '@keystead/sigv4';
import type { AwsCredentials, HeldCredentials } from './credentials.js';

/** Signs every call and every stream to `host` (the :authority) when it is opened, with the credentials of that moment. */
export function signedCalls(held: HeldCredentials, region: string, host: string): CallCredentials {
  return CallCredentials.createFromMetadataGenerator(({ method_name: path }, done) => {
    held.get().then(
      (credentials) => done(null, signature(credentials, { region, host, path, now: Date.now() })),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    );
  });
}

interface Signed {
  readonly region: string;
  readonly host: string;
  /** "/package.Service/Method". */
  readonly path: string;
  readonly now: number;
}

function signature(credentials: AwsCredentials, { region, host, path, now }: Signed): Metadata {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const timestamp = formatTimestamp(now);
  const date = timestamp.slice(0, 8);
  const scope = `${date}/${region}/kms/aws4_request`;
  const headers = new Map([
    ['host', host],
    ['x-amz-date', timestamp],
  ]);
  if (sessionToken) headers.set('x-amz-security-token', sessionToken);
  const names = [...headers.keys()];
  const request = { method: 'POST', target: { path, query: [] }, headers };
  const text = stringToSign({ timestamp, scope }, canonicalRequest(request, names, unsignedPayload, 'json'));
  const signed = signText(deriveSigningKey(secretAccessKey, date, region, 'kms'), text);
  const metadata = new Metadata();
  metadata.set(
    'authorization',
    `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signed}`,
  );
  headers.delete('host');
  for (const [name, value] of headers) metadata.set(name, value);
  return metadata;
}
