import { cloudTrailRecord } from '@keystead/audit';
import type { AuditRecord } from '@keystead/proto/audit';
import { PrincipalType, type CallContext } from '@keystead/proto/common';
import type { Key } from '../domain/key.js';

/** In whose name KMS acts by itself. */
export const nobody: CallContext = {
  principal: {
    type: PrincipalType.PRINCIPAL_TYPE_SERVICE,
    arn: 'AWS Internal',
    uniqueId: '',
    account: '',
    userName: '',
  },
  ...{
    accessKeyId: '',
    session: undefined,
    sourceIp: '',
    userAgent: '',
    tls: undefined,
    viaService: '',
    requestId: '',
  },
};

/** The record of what KMS does by itself, in the log of the key's owner; undefined for keys of services, which have no log. */
export function serviceEvent(
  eventName: 'RotateKey' | 'DeleteKey' | 'DeleteExpiredKeyMaterial',
  key: Key,
  at: Date,
  serviceEventDetails?: Record<string, string>,
): AuditRecord | undefined {
  if (key.manager === 'SERVICE') return undefined;
  return cloudTrailRecord(nobody, {
    ...{ at, eventName, eventSource: 'kms.amazonaws.com', eventType: 'AwsServiceEvent', readOnly: false },
    region: key.arn.split(':')[3] ?? '',
    recipientAccount: key.account,
    resources: [{ arn: key.arn, accountId: key.account, type: 'AWS::KMS::Key' }],
    serviceEventDetails,
  });
}
