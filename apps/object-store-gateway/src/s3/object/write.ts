import type { SegmentPlace } from '@keystead/crypto/stream';
import type { ObjectEncryption } from '../../domain/encryption.js';
import type { Conditions } from '../../domain/conditions.js';
import type { KeptHeaders, ObjectRecord, StoredEncryption } from '../../domain/object.js';
import { S3Error } from '../../domain/s3-error.js';
import type { Gateway } from '../../gateway.js';
import type { Changes } from '../../store/gateway-store.js';
import type { Integrity } from '../body/integrity.js';
import type { Outcome } from '../journal.js';
import type { ObjectCall } from '../operation.js';
import { commitObject } from './commit.js';
import { newDataKey, recordedKey } from './data-key.js';
import { encryptionHeaders } from './headers.js';
import { newObject, recordBytes } from './record.js';
import type { StoredObject } from './record.js';
import { etagOf, sealBlob } from './seal.js';
import type { Finish, PlainSource, Sealed } from './seal.js';

/** An object to be written in one piece. */
export interface NewObject {
  readonly chosen: ObjectEncryption;
  readonly headers: KeptHeaders;
  readonly conditions: Conditions;
  readonly integrity: Integrity;
  /** Opens the plaintext; called when the write is authorized, recorded, and has its key. */
  readonly open: () => PlainSource;
  /** True when the record that is committed with the object is the only one of the call. */
  readonly recordedOnce?: boolean;
  /** What the record of the call says besides. */
  readonly extra: (size: number) => NonNullable<Outcome['extra']>;
}

/**
 * Writes an object: data key and the record of authorization; blob and its record; index and the record of completion.
 * Each group is awaited together, and the old object is what everybody sees until the last.
 */
export async function writeObject(gateway: Gateway, call: ObjectCall, object: NewObject): Promise<ObjectRecord> {
  const { request, journal } = call;
  const place = { bucket: call.bucket.name, key: call.key };
  const { dataKey, encryption } = await recordedKey(
    newDataKey(gateway, request, place, object.chosen),
    object.recordedOnce ? undefined : journal.authorized(),
    (made) => made.dataKey,
  );
  let stored: StoredObject | undefined;
  const finish = (sealed: Sealed): Finish => {
    stored = newObject(recordOf(gateway, call, object, encryption, sealed), dataKey);
    return { record: recordBytes(stored) };
  };
  const { integrity } = object;
  const recordRoom = roomForRecord(place, object, encryption);
  const sealing = { now: gateway.now(), place, dataKey, source: object.open(), integrity, recordRoom };
  await sealBlob(gateway.backend, sealing, finish).finally(() => {
    dataKey.fill(0);
  });
  if (!stored) throw new RangeError('a sealed blob has a record');
  const outcome = { response: encryptionHeaders(encryption), extra: object.extra(stored.record.size) };
  const { conditions } = object;
  if (conditions.ifMatch === undefined && conditions.ifNoneMatch === undefined)
    await indexObject(gateway, call, stored, outcome);
  else await commitObject(gateway, stored, journal, outcome, { conditions, before: ownerStays(call) });
  return stored.record;
}

/** Puts the object into the index with others that are written now; the record of the call waits in the same commit. */
async function indexObject(
  { store, backend, outbox }: Gateway,
  { bucket, journal }: ObjectCall,
  { record, sealed }: StoredObject,
  outcome: Outcome,
): Promise<void> {
  const told = journal.record(outcome);
  if (!(await store.writeObject({ sealed, record, owner: bucket.account, told }))) {
    await backend.remove(record.segments.map(({ blob }) => blob));
    throw noBucket(bucket.name);
  }
  journal.settled = true;
  outbox.poke();
}

/** A write is authorized under a bucket as it was a moment ago; it is committed only if that is still so. */
function ownerStays({ bucket: { name, account } }: ObjectCall) {
  return async (changes: Changes): Promise<void> => {
    if ((await changes.bucket(name))?.account !== account) throw noBucket(name);
  };
}

const noBucket = (name: string): S3Error => new S3Error('NoSuchBucket', undefined, { BucketName: name });

/** What a record holds beside headers and key: names, times, sizes, digests, one segment, the MAC. */
const REST_OF_RECORD = 1_024;

function roomForRecord(place: SegmentPlace, { headers }: NewObject, encryption: StoredEncryption): number {
  return Buffer.byteLength(JSON.stringify([place, headers, encryption])) + REST_OF_RECORD;
}

function recordOf(
  { now }: Gateway,
  { bucket, key }: ObjectCall,
  { chosen, headers }: NewObject,
  encryption: StoredEncryption,
  sealed: Sealed,
): ObjectRecord {
  const { checksum } = sealed.verified;
  return {
    version: 1,
    bucket: bucket.name,
    key,
    modified: now().getTime(),
    size: sealed.segment.size,
    etag: etagOf(sealed, chosen.algorithm),
    headers,
    ...(checksum ? { checksum: { ...checksum, type: 'FULL_OBJECT' } } : {}),
    encryption,
    uploadId: '',
    segments: [sealed.segment],
  };
}
