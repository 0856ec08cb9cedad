import type { SegmentPlace } from '@keystead/crypto/stream';
import type { ObjectEncryption } from '../../domain/encryption.js';
import type { Conditions } from '../../domain/conditions.js';
import type { KeptHeaders, ObjectRecord, StoredEncryption } from '../../domain/object.js';
import type { Gateway } from '../../gateway.js';
import type { Integrity } from '../body/integrity.js';
import type { Outcome } from '../journal.js';
import type { ObjectCall } from '../operation.js';
import { commitObject } from './commit.js';
import { newDataKey } from './data-key.js';
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
  /** What the record of the call says besides. */
  readonly extra: (size: number) => NonNullable<Outcome['extra']>;
}

/**
 * Writes an object: data key and the record of authorization; blob, its record and the record of completion; index.
 * Each group is awaited together, and the old object is what everybody sees until the last.
 */
export async function writeObject(gateway: Gateway, call: ObjectCall, object: NewObject): Promise<ObjectRecord> {
  const { request, journal } = call;
  const place = { bucket: call.bucket.name, key: call.key };
  const [{ dataKey, encryption }] = await Promise.all([
    newDataKey(gateway, request, place, object.chosen),
    journal.authorized(),
  ]);
  const conditional = object.conditions.ifMatch !== undefined || object.conditions.ifNoneMatch !== undefined;
  let stored: StoredObject | undefined;
  let outcome: Outcome = {};
  const finish = (sealed: Sealed): Finish => {
    stored = newObject(recordOf(gateway, call, object, encryption, sealed), dataKey);
    outcome = { response: encryptionHeaders(encryption), extra: object.extra(sealed.segment.size) };
    // A write with conditions may yet be refused: its record is committed with the change.
    return { record: recordBytes(stored), ...(conditional ? {} : { meanwhile: journal.completed(outcome) }) };
  };
  const { integrity } = object;
  const recordRoom = roomForRecord(place, object, encryption);
  const sealing = { now: gateway.now(), place, dataKey, source: object.open(), integrity, recordRoom };
  await sealBlob(gateway.backend, sealing, finish).finally(() => {
    dataKey.fill(0);
  });
  if (!stored) throw new RangeError('a sealed blob has a record');
  if (conditional) await commitObject(gateway, stored, journal, outcome, { conditions: object.conditions });
  else await gateway.store.replaceObject(stored.sealed, stored.record);
  journal.settled = true;
  return stored.record;
}

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
