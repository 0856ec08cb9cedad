import { PrincipalType, type CallContext } from '@keystead/proto/common';
import { KmsServiceService, type Call, type Result } from '@keystead/proto/kms';
import { pipelineClient, requestId, type TlsIdentity } from '@keystead/service';
import type { SecretKeeper } from '../grpc/secret-keeper.js';

/** The AWS-owned key that kms-service keeps for this service. */
const key = 'alias/keystead/iam';

/** Bound to every secret, so that no wrapped secret serves under another access key. */
const contextOf = (accessKeyId: string) => ({ 'aws:iam:access-key-id': accessKeyId });

/** Wraps and unwraps secrets by kms-service, as the service principal iam.keystead.internal. */
export interface KmsSecretKeeper extends SecretKeeper {
  /** Waits for a stream; rejects with Unavailable. */
  waitForReady(timeoutMs: number): Promise<void>;
  close(): void;
}

export function kmsSecretKeeper({ address, tls }: { address: string; tls: TlsIdentity }): KmsSecretKeeper {
  const pipe = pipelineClient<NonNullable<Call['operation']>, NonNullable<Result['outcome']>>({
    method: KmsServiceService.pipeline,
    address,
    tls,
    expected: 'kms-service',
    idempotent: () => true,
  });
  return {
    wrap: async (accessKeyId, secret) => {
      const request = {
        keyId: key,
        plaintext: Buffer.from(secret),
        encryptionContext: contextOf(accessKeyId),
        grantTokens: [],
      };
      try {
        return (await pipe.request('encrypt', request, { context: asService() })).ciphertextBlob;
      } finally {
        request.plaintext.fill(0);
      }
    },
    unwrap: async (accessKeyId, wrapped) => {
      const found = { keyId: key, ciphertextBlob: Buffer.from(wrapped), encryptionContext: contextOf(accessKeyId) };
      const request = { ...found, grantTokens: [], dryRunModifiers: [], recipient: undefined };
      return (await pipe.request('decrypt', request, { context: asService() })).plaintext;
    },
    waitForReady: (timeoutMs) => pipe.waitForReady(timeoutMs),
    close: () => {
      pipe.close();
    },
  };
}

function asService(): CallContext {
  const type = PrincipalType.PRINCIPAL_TYPE_SERVICE;
  return {
    principal: { type, arn: 'iam.keystead.internal', uniqueId: '', account: '', userName: '' },
    accessKeyId: '',
    session: undefined,
    sourceIp: '',
    userAgent: '',
    tls: undefined,
    viaService: '',
    requestId: requestId(),
  };
}
