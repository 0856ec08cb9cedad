import { cloudTrailRecord, type CloudTrailEvent } from '@keystead/audit';
import { type CallContext, PrincipalType } from '@keystead/proto/common';
import { type Incoming } from '../src/domain/batch.js';
import { incoming } from '../src/grpc/append.js';

export const account = '000000000000';

/** A user as edge describes her. */
export function contextOf(userName = 'alice', change: Partial<CallContext> = {}): CallContext {
  const arn = `arn:aws:iam::${account}:user/${userName}`;
  const type = PrincipalType.PRINCIPAL_TYPE_IAM_USER;
  return {
    principal: { type, arn, uniqueId: `AIDA${userName.toUpperCase()}`, account, userName },
    accessKeyId: `AKIA${userName.toUpperCase()}`,
    session: undefined,
    sourceIp: '127.0.0.1',
    userAgent: 'aws-cli/2.15',
    tls: undefined,
    viaService: '',
    requestId: '11111111-2222-4333-8444-555555555555',
    ...change,
  };
}

export const keyArn = (n: number): string =>
  `arn:aws:kms:us-east-1:${account}:key/00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

export function event(change: Partial<CloudTrailEvent> = {}): CloudTrailEvent {
  return {
    at: new Date(),
    region: 'us-east-1',
    eventSource: 'kms.amazonaws.com',
    eventName: 'Encrypt',
    readOnly: true,
    requestParameters: { keyId: keyArn(1), encryptionAlgorithm: 'SYMMETRIC_DEFAULT' },
    resources: [{ arn: keyArn(1), accountId: account, type: 'AWS::KMS::Key' }],
    ...change,
  };
}

/** A record as it reaches the journal. */
export function record(change: Partial<CloudTrailEvent> = {}, context = contextOf()): Incoming {
  return incoming(cloudTrailRecord(context, event(change)));
}
