import { checkWriteConditions } from '../../domain/conditions.js';
import type { Conditions } from '../../domain/conditions.js';
import { S3Error } from '../../domain/s3-error.js';
import type { Gateway } from '../../gateway.js';
import type { Changes } from '../../store/gateway-store.js';
import type { Journal, Outcome } from '../journal.js';
import type { StoredObject } from './record.js';

/** What else a write needs. */
export interface CommitOptions {
  readonly conditions?: Conditions;
  /** What happens first in the same transaction. */
  readonly before?: (changes: Changes) => Promise<void>;
}

/**
 * Makes a stored object the one that its key names: the last step of every write, together with the record of the
 * call. Until here the old object is what everybody sees. A write that S3's rules refuse leaves nothing behind; after
 * any other failure the outcome is unknown, so the blobs stay for the operator's sweep, which asks the index.
 */
export async function commitObject(
  gateway: Gateway,
  stored: StoredObject,
  journal: Journal,
  outcome: Outcome,
  { conditions = {}, before }: CommitOptions = {},
): Promise<void> {
  await commitChange(gateway, journal, outcome, async (changes) => {
    await before?.(changes);
    await replaceObject(changes, stored, conditions);
  });
}

/** Commits a change together with the record of the call. */
export async function commitChange(
  { store, outbox }: Gateway,
  journal: Journal,
  outcome: Outcome,
  change: (changes: Changes) => Promise<void>,
): Promise<void> {
  await store.change(journal.record(outcome), change);
  journal.settled = true;
  outbox.poke();
}

async function replaceObject(
  changes: Changes,
  { record, sealed }: StoredObject,
  conditions: Conditions,
): Promise<void> {
  checkWriteConditions(conditions, await changes.lockObject(record.bucket, record.key));
  if (conditions.ifNoneMatch === undefined) {
    await changes.replaceObject(sealed, record);
  } else if (!(await changes.addObject(sealed, record))) {
    // Somebody put an object where there was none to lock.
    throw new S3Error('PreconditionFailed', undefined, { Condition: 'If-None-Match' });
  }
}
