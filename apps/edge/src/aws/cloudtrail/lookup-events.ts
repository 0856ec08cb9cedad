import type { AuditResource, Call, Event, LookupAttribute, Result } from '@keystead/proto/audit';
import { operations } from '../json/operation.js';
import { integer, list, type Reader, structure, text, timestamp } from '../json/read.js';
import { each, plain, unlessEmpty, type Writer } from '../json/write.js';

type Requests = NonNullable<Call['operation']>;
type Responses = Exclude<NonNullable<Result['outcome']>, { $case: 'error' }>;

const attribute: Reader<LookupAttribute> = structure({ attributeKey: text, attributeValue: text });

const event: Writer<Event> = (found) => ({
  EventId: found.eventId,
  EventName: found.eventName,
  ReadOnly: String(found.readOnly),
  AccessKeyId: unlessEmpty(found.accessKeyId),
  EventTime: Number(found.eventTimeMs) / 1000,
  EventSource: found.eventSource,
  Username: unlessEmpty(found.username),
  Resources: found.resources.map(resource),
  CloudTrailEvent: found.cloudTrailEvent,
});

const resource: Writer<AuditResource> = ({ type, name }) => ({ ResourceType: type, ResourceName: name });

/** CloudTrail's LookupEvents. */
export const lookupEvents = operations<Requests, Responses>()(
  'lookupEvents',
  {
    lookupAttributes: list(attribute),
    startTimeMs: timestamp,
    endTimeMs: timestamp,
    maxResults: integer,
    nextToken: text,
    eventCategory: text,
  },
  { events: each(event), nextToken: plain },
);
