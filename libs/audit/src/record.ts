import type { CallContext } from '@keystead/proto/common';
import { type AuditRecord, EventCategory } from '@keystead/proto/audit';
import { type Json, redactedJson, writeString } from './canonical.js';
import { errorCode, type ErrorFields } from './error-fields.js';
import { newEventId } from './event-id.js';
import { invokedBy, userIdentity, usernameOf } from './identity.js';
import { maxRecordBytes, digests, shrink } from './oversize.js';
import { isoSeconds } from './time.js';

/** A resource of a record, for example {arn, accountId, type: 'AWS::KMS::Key'}. */
export interface RecordResource {
  readonly arn: string;
  readonly type: string;
  /** The owner's 12 digits; left out where unknown. */
  readonly accountId?: string | undefined;
}

/** A resource by which a record is found. */
export interface LookupResource {
  readonly type: string;
  /** ARN or name. */
  readonly name: string;
}

/** Members of a record that the service decides; what is absent from both lists is null, as CloudTrail writes it. */
export interface RecordBody {
  readonly requestParameters?: Readonly<Record<string, Json>> | null | undefined;
  readonly responseElements?: Readonly<Record<string, Json>> | null | undefined;
  readonly additionalEventData?: Readonly<Record<string, Json>> | undefined;
  readonly serviceEventDetails?: Readonly<Record<string, Json>> | undefined;
}

/** One API call or service event to be recorded. */
export interface CloudTrailEvent extends RecordBody {
  /** UUID; made when absent. An outbox needs it to be the same at every delivery. */
  readonly eventId?: string | undefined;
  readonly at: Date;
  /** For example "us-east-1". */
  readonly region: string;
  /** For example "kms.amazonaws.com". */
  readonly eventSource: string;
  /** For example "Encrypt". */
  readonly eventName: string;
  /** True also for Encrypt, Decrypt and GenerateDataKey (CloudTrail's rule). */
  readonly readOnly: boolean;
  /** The record's own "resources" (KMS and S3 write them), and what it is found by unless `lookupResources` is given. */
  readonly resources?: readonly RecordResource[] | undefined;
  /** What LookupEvents shows and finds it by where the record itself lists no resources (IAM: {AWS::IAM::User, name}). */
  readonly lookupResources?: readonly LookupResource[] | undefined;
  /** A KeysteadError, or AWS's name and message; absent when the call succeeded. */
  readonly error?: ErrorFields | undefined;
  /** Default Management. */
  readonly category?: 'Management' | 'Data' | undefined;
  /** Default AwsApiCall. */
  readonly eventType?: 'AwsApiCall' | 'AwsServiceEvent' | undefined;
  /** In whose log the record lies; default the caller's account. Service principals need it. */
  readonly recipientAccount?: string | undefined;
  /** The same in the caller's and the owner's copy of a cross-account call. */
  readonly sharedEventId?: string | undefined;
}

/** A CloudTrail record (eventVersion 1.11) and its look-up columns. Throws TypeError when the context has no principal. */
export function cloudTrailRecord(context: CallContext, event: CloudTrailEvent): AuditRecord {
  const { principal } = context;
  if (!principal) throw new TypeError('a record needs a principal');
  const account = event.recipientAccount ?? principal.account;
  const eventId = event.eventId ?? newEventId(event.at);
  return {
    eventId,
    eventTimeMs: BigInt(event.at.getTime()),
    eventName: event.eventName,
    eventSource: event.eventSource,
    category: event.category === 'Data' ? EventCategory.EVENT_CATEGORY_DATA : EventCategory.EVENT_CATEGORY_MANAGEMENT,
    readOnly: event.readOnly,
    account,
    username: principal.account === account ? usernameOf(principal) : '',
    accessKeyId: principal.account === account ? context.accessKeyId : '',
    resources: lookupResources(event),
    resourcesInRecord: event.lookupResources === undefined && (event.resources?.length ?? 0) <= maxResources,
    record: recordBytes(context, event, { eventId, account }),
  };
}

const maxResources = 20;

function lookupResources({ resources = [], lookupResources }: CloudTrailEvent): LookupResource[] {
  const all = lookupResources ?? resources.map(({ type, arn }) => ({ type, name: arn }));
  return all.slice(0, maxResources);
}

/** What an event may leave open. Beside it, not in a copy of it: V8 makes copies with more members slowly. */
interface Settled {
  readonly eventId: string;
  /** In whose log the record lies. */
  readonly account: string;
}

function recordBytes(context: CallContext, event: CloudTrailEvent, settled: Settled): Buffer {
  const bytes = Buffer.from(recordText(context, event, settled, event));
  if (bytes.length <= maxRecordBytes) return bytes;
  const caller = { ...context, userAgent: context.userAgent.slice(0, 1024) };
  // First the largest members; a caller who sends many or long names is answered with the digest of all of them.
  for (const small of [shrink(event, bytes.length - maxRecordBytes), digests(event)]) {
    const shorter = Buffer.from(recordText(caller, event, settled, small));
    if (shorter.length <= maxRecordBytes) return shorter;
  }
  throw new RangeError(`a record of more than ${String(maxRecordBytes)} bytes`);
}

/** RFC 8785 by construction: the members stand in their sorted order. Text between quotes below needs no escape. */
function recordText(context: CallContext, event: CloudTrailEvent, settled: Settled, body: RecordBody): string {
  const { eventId, account } = settled;
  const service = invokedBy(context);
  const { tls } = context;
  let text = '{';
  if (body.additionalEventData) text += `"additionalEventData":${redactedJson(body.additionalEventData)},`;
  text += `"awsRegion":${writeString(event.region)},`;
  if (event.error) text += errorMembers(event.error);
  text += `"eventCategory":"${event.category ?? 'Management'}","eventID":"${eventId}"`;
  text += `,"eventName":${writeString(event.eventName)},"eventSource":${writeString(event.eventSource)}`;
  text += `,"eventTime":"${isoSeconds(event.at.getTime())}","eventType":"${event.eventType ?? 'AwsApiCall'}"`;
  text += `,"eventVersion":"1.11","managementEvent":${event.category === 'Data' ? 'false' : 'true'}`;
  text += `,"readOnly":${event.readOnly ? 'true' : 'false'},"recipientAccountId":"${account}"`;
  if (context.requestId !== '') text += `,"requestID":${writeString(context.requestId)}`;
  text += `,"requestParameters":${redactedJson(body.requestParameters ?? null)}`;
  if (event.resources?.length) text += `,"resources":[${event.resources.map(resourceText).join(',')}]`;
  text += `,"responseElements":${redactedJson(body.responseElements ?? null)}`;
  if (body.serviceEventDetails) text += `,"serviceEventDetails":${redactedJson(body.serviceEventDetails)}`;
  if (event.sharedEventId) text += `,"sharedEventID":${writeString(event.sharedEventId)}`;
  text += `,"sourceIPAddress":${writeString(service ?? context.sourceIp)}`;
  if (tls && tls.version !== '') text += `,"tlsDetails":${tlsText(tls)}`;
  text += `,"userAgent":${writeString(service ?? context.userAgent)}`;
  return `${text},"userIdentity":${userIdentity(context, account)}}`;
}

/** A message may repeat what the caller sent; it must never make a record too large, which nobody could then write. */
const maxMessage = 1_024;

function errorMembers(error: ErrorFields): string {
  const message = error.message === '' ? '' : `"errorMessage":${writeString(error.message.slice(0, maxMessage))},`;
  return `"errorCode":${writeString(errorCode(error))},${message}`;
}

function resourceText({ arn, accountId, type }: RecordResource): string {
  const account = accountId === undefined ? '' : `,"accountId":${writeString(accountId)}`;
  return `{"ARN":${writeString(arn)}${account},"type":${writeString(type)}}`;
}

/** The longest name that a host can have (RFC 1035 §2.3.4), and a port. */
const maxHost = 262;

function tlsText(tls: NonNullable<CallContext['tls']>): string {
  const host = tls.clientProvidedHostHeader.slice(0, maxHost);
  const hostMember = host === '' ? '' : `,"clientProvidedHostHeader":${writeString(host)}`;
  return `{"cipherSuite":${writeString(tls.cipherSuite)}${hostMember},"tlsVersion":${writeString(tls.version)}}`;
}
