import { cloudTrailRecord, newEventId, type Json } from '@keystead/audit';
import type { KeysteadError } from '@keystead/errors';
import type { AuditRecord } from '@keystead/proto/audit';
import type { OperationName } from '../domain/constraints.js';
import type { KmsCall } from './kms-call.js';

/** CloudTrail's rule: reading and cryptography are read-only, changes of keys are not. */
const changes: ReadonlySet<OperationName> = new Set([
  ...(['CreateKey', 'UpdateKeyDescription', 'EnableKey', 'DisableKey', 'ScheduleKeyDeletion'] as const),
  ...(['CancelKeyDeletion', 'CreateAlias', 'UpdateAlias', 'DeleteAlias', 'PutKeyPolicy', 'TagResource'] as const),
  ...(['UntagResource', 'EnableKeyRotation', 'DisableKeyRotation', 'RotateKeyOnDemand'] as const),
  ...(['CreateGrant', 'RetireGrant', 'RevokeGrant'] as const),
  ...(['ImportKeyMaterial', 'DeleteImportedKeyMaterial'] as const),
]);

/**
 * The records of a call: the caller's, and for keys of other accounts one for each owner, tied by sharedEventID. An
 * owner learns only of calls that were allowed, since a key of another account is named only then: strangers cannot fill another account's log.
 */
export function recordsOf(
  call: KmsCall,
  requestParameters: Record<string, Json> | null,
  error?: KeysteadError,
): AuditRecord[] {
  const owners = otherOwners(call);
  const sharedEventId = owners.length > 0 ? newEventId(call.at) : undefined;
  // Written out for each record: V8 makes copies of an object with more members slowly.
  const recordIn = (recipientAccount: string | undefined, eventId: string): AuditRecord =>
    cloudTrailRecord(call.context, {
      at: call.at,
      region: call.environment.region,
      eventSource: 'kms.amazonaws.com',
      eventName: call.operation,
      readOnly: !changes.has(call.operation),
      resources: call.resources,
      requestParameters,
      responseElements: error ? null : (call.notes.responseElements ?? null),
      additionalEventData: call.notes.additionalEventData,
      error,
      sharedEventId,
      recipientAccount,
      eventId,
    });
  const own = recordIn(undefined, call.eventId);
  return owners.length === 0 ? [own] : [own, ...owners.map((owner) => recordIn(owner, call.eventIdIn(owner)))];
}

function otherOwners(call: KmsCall): string[] {
  const owners = new Set<string>();
  for (const { accountId } of call.resources)
    if (accountId !== undefined && accountId !== call.account) owners.add(accountId);
  return [...owners];
}
