import { Metadata } from '@grpc/grpc-js';
import { PrincipalType } from '@keystead/proto/common';
import { canonicalRequest, formatTimestamp, signText, stringToSign, unsignedPayload } from '@keystead/sigv4';
import { expect, test } from 'vitest';
import { grpcSigners, type SigningKeySource } from '../src/signing/index.js';

const key = Buffer.alloc(32, 7);
const principal = {
  type: PrincipalType.PRINCIPAL_TYPE_IAM_USER,
  ...{ arn: '', uniqueId: '', account: '000000000000', userName: 'someone' },
};
const host = '127.0.0.1:4569';
const path = '/keystead.kms.v1.KmsService/Pipeline';

function head() {
  const timestamp = formatTimestamp(Date.now());
  const scope = `${timestamp.slice(0, 8)}/us-east-1/kms/aws4_request`;
  const names = ['host', 'x-amz-date'];
  const headers = new Map([
    ['host', host],
    ['x-amz-date', timestamp],
  ]);
  const canonical = canonicalRequest(
    { method: 'POST', target: { path, query: [] }, headers },
    names,
    unsignedPayload,
    'json',
  );
  const signature = signText(key, stringToSign({ timestamp, scope }, canonical));
  const metadata = new Metadata();
  metadata.set('x-amz-date', timestamp);
  metadata.set(
    'authorization',
    `AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  );
  return { path, host, metadata, sourceIp: '10.0.0.1' };
}

test('a stream outlives neither its session nor its access key', async () => {
  let expiresAtMs = BigInt(Date.now() + 60_000);
  let known = true;
  const found = () => {
    const session = {
      ...{ issuerArn: '', issuerUniqueId: '', issuedAtMs: 0n, expiresAtMs, tags: {}, hasPolicies: false },
      ...{ sourceIdentity: '', transitiveTagKeys: [], federatedProvider: '', federatedClaims: {} },
    };
    return known ? { key, principal, session, sessionTokenSha256: Buffer.alloc(0) } : undefined;
  };
  const keys: SigningKeySource = { peek: found, get: () => Promise.resolve(found()), close: () => undefined };
  const noted: string[] = [];
  const refusals = { note: (...line: string[]) => void noted.push(line.join(' ')), close: () => undefined };
  const authenticate = grpcSigners({ keys, service: 'kms', region: 'us-east-1', refusals });

  const signer = await authenticate(head());
  expect(await signer.caller()).toMatchObject({ accessKeyId: 'AKIAEXAMPLE', principal });
  expiresAtMs = BigInt(Date.now() - 1);
  await expect(signer.caller()).rejects.toMatchObject({ code: 'ExpiredToken' });
  await expect(authenticate(head())).rejects.toMatchObject({ code: 'ExpiredToken' });
  known = false;
  await expect(signer.caller()).rejects.toMatchObject({ code: 'UnrecognizedClient' });
  await expect(authenticate({ ...head(), host: 'elsewhere' })).rejects.toMatchObject({ code: 'UnrecognizedClient' });
  known = true;
  await expect(authenticate({ ...head(), host: 'elsewhere' })).rejects.toMatchObject({ code: 'InvalidSignature' });
  expect(noted).toContain('10.0.0.1 ExpiredToken');
});
