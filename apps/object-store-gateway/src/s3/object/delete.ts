import { checkWriteConditions } from '../../domain/conditions.js';
import type { Gateway } from '../../gateway.js';
import type { Changes } from '../../store/gateway-store.js';

/** Takes an object out of the index; answers the blob whose record is to be removed after the commit. */
export async function deleteObject(
  changes: Changes,
  bucket: string,
  key: string,
  ifMatch?: string,
): Promise<string | undefined> {
  const record = await changes.lockObject(bucket, key);
  if (ifMatch !== undefined) checkWriteConditions({ ifMatch }, record);
  if (!record) return undefined;
  await changes.removeObject(bucket, key);
  await changes.discard(record.segments.map(({ blob }) => blob));
  return record.segments[0]?.blob;
}

/** Removes the records of deleted objects before the answer leaves, so that no rebuild brings an object back. */
export async function forgetRecords({ backend, log }: Gateway, blobs: Iterable<string | undefined>): Promise<void> {
  const removals = [...blobs].flatMap((blob) => (blob === undefined ? [] : [backend.removeRecord(blob)]));
  for (const result of await Promise.allSettled(removals)) {
    // The sweeper removes it with its blob.
    if (result.status === 'rejected') log.warn({ err: result.reason as unknown }, 'a record was not removed');
  }
}
