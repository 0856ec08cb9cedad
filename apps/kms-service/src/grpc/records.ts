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
  const event = {
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
  };
  const recordOf = (recipientAccount: string): AuditRecord =>
    cloudTrailRecord(call.context, { ...event, recipientAccount, eventId: call.eventIdIn(recipientAccount) });
  const own = cloudTrailRecord(call.context, { ...event, eventId: call.eventId });
  return [own, ...owners.map((owner) => recordOf(owner))];
}

function otherOwners(call: KmsCall): string[] {
  const owners = new Set<string>();
  for (const { accountId } of call.resources)
    if (accountId !== undefined && accountId !== call.account) owners.add(accountId);
  return [...owners];
}
