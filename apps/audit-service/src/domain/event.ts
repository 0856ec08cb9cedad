import { readLeaf } from './leaf.js';
import type { Category, Indexed } from './terms.js';

/** A leaf as the database gives it back. */
export interface StoredLeaf {
  readonly index: number;
  readonly body: Buffer;
  /** JSON, or null when the record lists its resources itself. */
  readonly resources: string | null;
}

/** A record as look-ups show it. */
export interface StoredEvent extends Indexed {
  readonly index: number;
  readonly eventId: string;
  /** CloudTrail's eventTime: whole seconds. */
  readonly eventTimeMs: number;
  /** The record's canonical JSON. */
  readonly text: string;
}

interface CloudTrailRecord {
  readonly eventID: string;
  readonly eventName: string;
  readonly eventSource: string;
  readonly eventTime: string;
  readonly eventCategory: string;
  readonly readOnly: boolean;
  readonly recipientAccountId: string;
  readonly resources?: readonly { readonly ARN: string; readonly type: string }[];
  readonly userIdentity: { type?: string; arn?: string; userName?: string; accessKeyId?: string };
}

/** Reads a leaf back. */
export function eventOf({ index, body, resources }: StoredLeaf): StoredEvent {
  const text = readLeaf(body).record;
  const record = JSON.parse(text) as CloudTrailRecord;
  return {
    index,
    text,
    eventId: record.eventID,
    eventTimeMs: Date.parse(record.eventTime),
    eventName: record.eventName,
    eventSource: record.eventSource,
    readOnly: record.readOnly,
    account: record.recipientAccountId,
    category: categoryOf(record),
    username: usernameOf(record),
    accessKeyId: record.userIdentity.accessKeyId ?? '',
    resources: resources === null ? ownResources(record) : (JSON.parse(resources) as StoredEvent['resources']),
  };
}

function categoryOf(record: CloudTrailRecord): Category {
  return record.eventCategory === 'Data' ? 'D' : 'M';
}

/** The same rule by which libs/audit fills AuditRecord.username. */
function usernameOf({ userIdentity: { type, arn = '', userName = '' } }: CloudTrailRecord): string {
  if (type === 'Root') return 'root';
  if (type === 'IAMUser') return userName;
  return type === 'AssumedRole' ? arn.slice(arn.lastIndexOf('/') + 1) : '';
}

function ownResources({ resources = [] }: CloudTrailRecord): StoredEvent['resources'] {
  return resources.map(({ type, ARN }) => ({ type, name: ARN }));
}
