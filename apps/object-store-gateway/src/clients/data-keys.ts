import { KeysteadError } from '@keystead/errors';
import { PrincipalType } from '@keystead/proto/common';
import type { CallContext } from '@keystead/proto/common';
import type { PipelineClient } from '@keystead/service';
import { DecryptRequest, GenerateDataKeyRequest } from '@keystead/proto/kms';
import type { Call, Result } from '@keystead/proto/kms';

/** kms-service's coalescing stream. */
export type KmsPipeline = PipelineClient<NonNullable<Call['operation']>, NonNullable<Result['outcome']>>;

/** A data key for one object. Whoever holds it zeroes `plaintext` after use. */
export interface DataKey {
  readonly plaintext: Buffer;
  readonly wrapped: Buffer;
  /** Full key ARN, whatever the key was named by. */
  readonly keyArn: string;
}

/** In whose name a data key is used: the caller of a request (kms:ViaService s3), or this service (SSE-S3). */
export type KeyUser = CallContext | 'service';

/** Data keys of kms-service. Rejects with KeysteadError. */
export interface DataKeys {
  generate(user: KeyUser, keyId: string, context: Readonly<Record<string, string>>): Promise<DataKey>;
  open(user: KeyUser, keyArn: string, wrapped: Buffer, context: Readonly<Record<string, string>>): Promise<Buffer>;
}

/** The service's own key for SSE-S3; nobody else sees or uses it. */
export const SERVICE_KEY = 'alias/keystead/s3';
/** The AWS managed key of the caller's account, made by kms-service when it is first used. */
export const MANAGED_KEY = 'alias/aws/s3';

const SERVICE_ACCOUNT = '999999999999';

export function dataKeys(kms: KmsPipeline): DataKeys {
  return {
    async generate(user, keyId, context) {
      const request = GenerateDataKeyRequest.fromPartial({
        keyId,
        keySpec: 'AES_256',
        encryptionContext: { ...context },
      });
      const answer = await kms.request('generateDataKey', request, { context: contextOf(user) });
      return { plaintext: whole(answer.plaintext), wrapped: buffer(answer.ciphertextBlob), keyArn: answer.keyId };
    },
    async open(user, keyArn, wrapped, context) {
      const ciphertextBlob = wrapped;
      const request = DecryptRequest.fromPartial({ keyId: keyArn, ciphertextBlob, encryptionContext: { ...context } });
      const answer = await kms.request('decrypt', request, { context: contextOf(user) });
      return whole(answer.plaintext);
    },
  };
}

/** The caller's context, asserted as this service; policies see kms:ViaService. */
function contextOf(user: KeyUser): CallContext {
  if (user !== 'service') return { ...user, viaService: 's3' };
  return {
    principal: {
      type: PrincipalType.PRINCIPAL_TYPE_SERVICE,
      arn: 's3.keystead.internal',
      uniqueId: '',
      account: SERVICE_ACCOUNT,
      userName: '',
    },
    accessKeyId: '',
    session: undefined,
    sourceIp: '',
    userAgent: 's3.keystead.internal',
    tls: undefined,
    viaService: '',
    requestId: '',
  };
}

function whole(key: Uint8Array): Buffer {
  if (key.length === 32) return buffer(key);
  throw new KeysteadError('Internal', 'kms-service answered with a data key of another length.');
}

const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
