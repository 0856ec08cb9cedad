import { cloudTrailDate, cloudTrailRecord, type Json } from '@keystead/audit';
import type { KeysteadError } from '@keystead/errors';
import type { AuditRecord } from '@keystead/proto/audit';
import type { Caller } from './caller.js';
import type { Target } from './operation.js';

/** IAM and STS are global services; CloudTrail logs them in this Region. */
export const globalRegion = 'us-east-1';

/** What one call is recorded with. */
export interface Recorded {
  /** For example "iam:CreateUser". */
  readonly action: string;
  readonly readOnly: boolean;
  readonly request: object;
  /** Absent for reads, whose answers CloudTrail leaves out. */
  readonly response?: object | undefined;
  readonly target?: Target | undefined;
  readonly error?: KeysteadError | undefined;
  /** In whose log it lies, when that is not the caller's, and the id that both copies share. */
  readonly copy?: { readonly account?: string; readonly sharedEventId: string } | undefined;
  readonly at: Date;
}

/** The CloudTrail record of an IAM or STS call. */
export function recordOf({ context }: Caller, recorded: Recorded): AuditRecord {
  const [service = '', eventName = ''] = recorded.action.split(':', 2);
  const { readOnly, error, target, at } = recorded;
  return cloudTrailRecord(context, {
    at,
    region: globalRegion,
    eventSource: `${service}.amazonaws.com`,
    eventName,
    readOnly,
    requestParameters: members(recorded.request),
    responseElements: recorded.response && members(recorded.response),
    lookupResources: target?.resources,
    recipientAccount: recorded.copy?.account,
    sharedEventId: recorded.copy?.sharedEventId,
    error: error && { name: errorName(error), message: error.message },
  });
}

/** The members that were sent; null when there are none. Secrets are taken out by libs/audit, by name. */
function members(message: object): Record<string, Json> | null {
  const json = toJson(message);
  return json === undefined || json === null ? null : (json as Record<string, Json>);
}

function toJson(value: unknown): Json | undefined {
  if (value instanceof Date) return cloudTrailDate(value);
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => toJson(item) ?? null);
  if (typeof value !== 'object' || value === null) return value as Json | undefined;
  const entries = Object.entries(value).map(([key, member]) => [key, toJson(member)] as const);
  const present = entries.filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return present.length === 0 ? undefined : Object.fromEntries(present);
}

/** CloudTrail writes IAM's errors by the names of their exceptions. */
function errorName({ name }: KeysteadError): string {
  return name.endsWith('Exception') ? name : `${name}Exception`;
}
