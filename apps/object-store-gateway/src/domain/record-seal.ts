import { equalBytes, hmacSha256, kdfCounter } from '@keystead/crypto/hash';
import type { ObjectRecord } from './object.js';

/** A record with its MAC, as it is stored: one line of JSON, a line feed, and 64 hex digits. */
export type SealedRecord = string;

/** Binds a record (sizes, order of segments, headers) to the object's data key. */
export function sealRecord(record: ObjectRecord, dataKey: Uint8Array): SealedRecord {
  const body = JSON.stringify(record);
  return `${body}\n${mac(body, record.uploadId, dataKey).toString('hex')}`;
}

/** Reads a record without checking its MAC: for what must work without the data key (HEAD, listings, rebuilding). */
export function readRecord(sealed: SealedRecord): ObjectRecord {
  const end = sealed.indexOf('\n');
  if (end < 0 || sealed.length !== end + 65) throw new RangeError('the record is cut short');
  const record = JSON.parse(sealed.slice(0, end)) as ObjectRecord;
  if ((record.version as number) !== 1) throw new RangeError('the record is of an unknown version');
  return record;
}

/** True when the record is what was sealed with this data key. */
export function recordIsGenuine(sealed: SealedRecord, uploadId: string, dataKey: Uint8Array): boolean {
  const end = sealed.indexOf('\n');
  return equalBytes(mac(sealed.slice(0, end), uploadId, dataKey), Buffer.from(sealed.slice(end + 1), 'hex'));
}

function mac(body: string, uploadId: string, dataKey: Uint8Array): Buffer {
  const key = kdfCounter(dataKey, 'keystead/v1/manifest', Buffer.from(uploadId, 'utf8'), 32);
  return hmacSha256(key, body);
}
