import { maxRecordBytes } from '@keystead/audit';
import { KeysteadError } from '@keystead/errors';
import { type AppendRequest, type AppendResponse, type AuditRecord, EventCategory } from '@keystead/proto/audit';
import type { Peer } from '@keystead/service';
import type { Incoming } from '../domain/batch.js';

/** Makes a record durable; answers with its index. */
export type Append = (record: Incoming) => Promise<number>;

/** Who may write of which sources; edge writes for what reached no service. */
const writers: ReadonlyMap<string, readonly string[] | 'all'> = new Map<string, readonly string[] | 'all'>([
  ['kms-service', ['kms.amazonaws.com', 'hsm.keystead.internal']],
  ['iam-service', ['iam.amazonaws.com', 'sts.amazonaws.com', 'organizations.amazonaws.com']],
  ['object-store-gateway', ['s3.amazonaws.com']],
  ['edge', 'all'],
]);

/** True for the services that write records; `bench` only in test mode. */
export function mayAppend(peer: Peer, testMode: boolean): boolean {
  return peer.kind === 'service' && (writers.has(peer.name) || (testMode && peer.name === 'bench'));
}

/** Appends the record of a service that may write of its source. */
export async function append(write: Append, request: AppendRequest, peer: Peer): Promise<AppendResponse> {
  const record = incoming(request.record);
  const sources = (peer.kind === 'service' && writers.get(peer.name)) || 'all';
  if (sources !== 'all' && !sources.includes(record.eventSource)) {
    throw new KeysteadError('AccessDenied', `This service does not write records of ${record.eventSource}.`);
  }
  return { index: BigInt(await write(record)) };
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const brace = { open: 0x7b, close: 0x7d };

/** Checks what the columns and the leaf rely on; that the record is canonical is its writer's promise. */
export function incoming(record: AuditRecord | undefined): Incoming {
  if (!record) throw invalid('record');
  const { eventId, account, eventName, eventSource, resources } = record;
  if (!uuid.test(eventId)) throw invalid('event_id');
  if (!/^\d{12}$/.test(account)) throw invalid('account');
  if (eventName === '') throw invalid('event_name');
  if (eventSource === '') throw invalid('event_source');
  if (resources.length > 20) throw invalid('resources');
  checkBytes(record.record);
  // Written out member by member: of copied ones V8 makes objects of many shapes, at several µs each.
  return {
    eventId,
    account,
    eventName,
    eventSource,
    resources,
    readOnly: record.readOnly,
    username: record.username,
    accessKeyId: record.accessKeyId,
    resourcesInRecord: record.resourcesInRecord,
    category: categoryOf(record),
    eventTimeMs: Number(record.eventTimeMs),
    record: record.record,
  };
}

function checkBytes(record: Uint8Array): void {
  const object = record[0] === brace.open && record.at(-1) === brace.close;
  if (!object || record.length > maxRecordBytes) throw invalid('record');
}

function categoryOf({ category }: AuditRecord): 'M' | 'D' {
  if (category === EventCategory.EVENT_CATEGORY_MANAGEMENT) return 'M';
  if (category === EventCategory.EVENT_CATEGORY_DATA) return 'D';
  throw invalid('category');
}

function invalid(field: string): KeysteadError {
  return new KeysteadError('Validation', `The audit record's ${field} is not valid.`);
}
