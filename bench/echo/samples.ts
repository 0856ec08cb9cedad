import { cloudTrailRecord } from '@keystead/audit';
import type { AuditRecord } from '@keystead/proto/audit';
import { type CallContext, PrincipalType } from '@keystead/proto/common';
import type { KeyReference } from '@keystead/proto/hsm';

// What the echoes send on: made once, of the size that it has in Keystead.

const account = '000000000000';
const keyId = '6f1b2a5e-0c7d-4e38-9a3b-2f4f6d8e9c01';

export const keyArn = `arn:aws:kms:us-east-1:${account}:key/${keyId}`;
export const keyMaterialId = '0'.repeat(64);

/** A blob is so much longer than its plaintext. */
export const blobOverhead = 76;

/** The token of a symmetric key has 180 bytes. */
export const key: KeyReference = { token: Buffer.alloc(180, 1), account, keyId };

export const context: CallContext = {
  principal: {
    type: PrincipalType.PRINCIPAL_TYPE_IAM_USER,
    arn: `arn:aws:iam::${account}:user/administrator`,
    uniqueId: 'AIDAABCDEFGHIJKLMNOPQ',
    account,
    userName: 'administrator',
  },
  accessKeyId: 'AKIAABCDEFGHIJKLMNOP',
  session: undefined,
  sourceIp: '127.0.0.1',
  userAgent: 'aws-sdk-js/3.1164.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.20.2 api/kms#3.1164.0',
  tls: undefined,
  viaService: '',
  requestId: '0b8e3f4c-3a0d-4f0c-8f57-5d3b9a7c1e20',
};

/** The audit record of a call, as long as kms-service's. */
export function sampleRecord(eventName: string): AuditRecord {
  return cloudTrailRecord(context, {
    at: new Date(),
    region: 'us-east-1',
    eventSource: 'kms.amazonaws.com',
    eventName,
    readOnly: true,
    resources: [{ arn: keyArn, accountId: account, type: 'AWS::KMS::Key' }],
    requestParameters: {
      keyId: keyArn,
      encryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      encryptionContext: { purpose: 'bench' },
    },
    additionalEventData: { keyMaterialId },
  });
}
