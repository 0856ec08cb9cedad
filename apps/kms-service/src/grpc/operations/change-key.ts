import type { Json } from '@keystead/audit';
import { keyNotFound } from '../../domain/identifier.js';
import type { Key, KeyView } from '../../domain/key.js';
import type { Change } from '../../store/key-store.js';
import { commitRecorded, type Operation } from '../execute.js';
import type { KmsCall } from '../kms-call.js';

/**
 * Locks a key, applies a rule of the domain to what is stored now, and saves what it returns together with the record.
 * The record's responseElements name the key, as CloudTrail's do for operations that answer nothing.
 */
export async function changeKey<Request extends object, Response extends object>(
  operation: Operation<Request, Response>,
  request: Request,
  call: KmsCall,
  key: Key,
  rule: (view: KeyView, change: Change) => Key | Promise<Key>,
  elements: (changed: Key) => Record<string, Json> = ({ arn }) => ({ keyId: arn }),
): Promise<Key> {
  return commitRecorded(operation, request, call, async (change) => {
    const view = await change.lock(key.account, key.id);
    if (!view) throw keyNotFound(call.environment.region, key.account, key.id);
    const changed = await rule(view, change);
    await change.saveKey(changed);
    call.notes = { responseElements: elements(changed) };
    return changed;
  });
}
