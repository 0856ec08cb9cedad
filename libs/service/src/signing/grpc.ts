import { KeysteadError, type Code } from '@keystead/errors';
import { AuthError, awsAuthError, readHeaders, unsignedPayload, type Expected, type RawRequest } from '@keystead/sigv4';
import type { Authenticate, SignedHead } from '../server/signer.js';
import { authenticate, callerNow, readSignature } from './authenticate.js';
import type { Refusals } from './refusals.js';
import type { SigningKeySource } from './signing-keys.js';

export interface GrpcSignersOptions {
  readonly keys: SigningKeySource;
  /** What credentials must be scoped to: "kms", and the Region of the system. */
  readonly service: string;
  readonly region: string;
  readonly refusals: Refusals;
}

/**
 * Signature Version 4 in gRPC metadata: `authorization`, `x-amz-date` and, with temporary credentials,
 * `x-amz-security-token`. Signed are POST, the path of the method, host (the :authority) and those; of the body
 * UNSIGNED-PAYLOAD, since TLS protects it.
 */
export function grpcSigners({ keys, service, region, refusals }: GrpcSignersOptions): Authenticate {
  const expected: Expected = { flavour: 'json', services: [service], regions: [region] };
  return async (head) => {
    const counted = (thrown: unknown): never => {
      const error = thrown instanceof AuthError ? refusal(thrown) : thrown;
      if (error instanceof KeysteadError) refusals.note(head.sourceIp, error.code);
      throw error;
    };
    try {
      const request = rawRequest(head);
      const auth = readSignature(request, expected);
      await authenticate(keys, request, auth, unsignedPayload);
      return { kind: 'signer', host: head.host, caller: () => callerNow(keys, auth).catch(counted) };
    } catch (thrown) {
      return counted(thrown);
    }
  };
}

function rawRequest({ path, host, metadata }: SignedHead): RawRequest {
  const lines = ['host', host];
  for (const [name, values] of Object.entries(metadata.toHttp2Headers())) {
    // The :authority is what HTTP/2 calls the host; a second one is not listened to.
    if (name === 'host' || name.endsWith('-bin')) continue;
    for (const value of Array.isArray(values) ? values : [values]) lines.push(name, String(value));
  }
  return { method: 'POST', target: { path, query: [] }, headers: readHeaders(lines) };
}

const codes: Readonly<Record<string, Code>> = {
  MissingAuthenticationTokenException: 'MissingAuthenticationToken',
  IncompleteSignatureException: 'IncompleteSignature',
  UnrecognizedClientException: 'UnrecognizedClient',
  ExpiredTokenException: 'ExpiredToken',
};

function refusal(failure: AuthError): KeysteadError {
  const { code, message } = awsAuthError(failure, 'json');
  return new KeysteadError(codes[code] ?? 'InvalidSignature', message);
}
