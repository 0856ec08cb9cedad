import { enqueue } from '@keystead/audit';
import { transaction } from '@keystead/db';
import type { Tx } from '@keystead/db';
import { checkWriteConditions } from '../../domain/conditions.js';
import type { Conditions } from '../../domain/conditions.js';
import { S3Error } from '../../domain/s3-error.js';
import type { Gateway } from '../../gateway.js';
import { discard } from '../../store/garbage.js';
import { lockObject, putObject } from '../../store/objects.js';
import type { Journal, Outcome } from '../journal.js';
import type { StoredObject } from './record.js';

/** What else a write needs. */
export interface CommitOptions {
  readonly conditions?: Conditions;
  /** What happens first in the same transaction. */
  before?(tx: Tx): Promise<void>;
}

/**
 * Makes a stored object the one that its key names: the last step of every write, together with the record of the
 * call. Until here the old object is what everybody sees. A refused write leaves nothing behind; after any other
 * failure the outcome is unknown, so the blobs stay for the sweeper, which asks the index.
 */
export async function commitObject(
  gateway: Gateway,
  stored: StoredObject,
  journal: Journal,
  outcome: Outcome,
  options: CommitOptions = {},
): Promise<void> {
  await commitChange(gateway, journal, outcome, async (tx) => {
    await options.before?.(tx);
    await replaceObject(tx, stored, options.conditions ?? {});
  });
}

/** Commits a change together with the record of the call. */
export async function commitChange(
  { pool, outbox }: Gateway,
  journal: Journal,
  outcome: Outcome,
  change: (tx: Tx) => Promise<void>,
): Promise<void> {
  const record = journal.record(outcome);
  await transaction(pool, async (tx) => {
    await change(tx);
    await enqueue(tx, record);
  });
  journal.settled = true;
  outbox.poke();
}

async function replaceObject(tx: Tx, { record, sealed }: StoredObject, conditions: Conditions): Promise<void> {
  const old = await lockObject(tx, record.bucket, record.key);
  checkWriteConditions(conditions, old);
  const onlyNew = conditions.ifNoneMatch !== undefined;
  if (!(await putObject(tx, sealed, record, onlyNew))) {
    // Somebody put an object where there was none to lock.
    throw new S3Error('PreconditionFailed', undefined, { Condition: 'If-None-Match' });
  }
  await discard(tx, old ? old.segments.map(({ blob }) => blob) : []);
}
