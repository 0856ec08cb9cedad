import { KeysteadError } from '@keystead/errors';
import type { LookupAttribute, LookupEventsRequest } from '@keystead/proto/audit';
import { eventOf, type StoredEvent } from './event.js';
import { type Page, pageOf, type Query, type Reader } from './page.js';
import { type Attribute, term } from './terms.js';
import { makeToken, parametersDigest, readToken } from './token.js';

/** CloudTrail's event history reaches back this far. */
const historySeconds = 90 * 24 * 60 * 60;

/** The attributes of LookupEvents that are indexed; EventId is looked up directly. */
const attributes: ReadonlySet<string> = new Set<Attribute>([
  ...(['EventName', 'ReadOnly', 'Username', 'ResourceType'] as const),
  ...(['ResourceName', 'EventSource', 'AccessKeyId'] as const),
]);

export interface LookupPage {
  readonly events: StoredEvent[];
  readonly nextToken?: string;
}

/** CloudTrail's LookupEvents for one account: management events of the last 90 days, newest first. */
export async function lookupEvents(
  reader: Reader,
  account: string,
  request: LookupEventsRequest,
  now: Date,
): Promise<LookupPage> {
  const attribute = attributeOf(request);
  const limit = limitOf(request);
  const range = rangeOf(request, now);
  const start = [request.startTimeMs, request.endTimeMs].map((ms) => ms?.toString() ?? null);
  const digest = parametersDigest([
    account,
    attribute,
    ...start,
    request.maxResults ?? null,
    request.eventCategory ?? null,
  ]);
  const position = readToken(digest, request.nextToken);
  // There are no Insights events here: their history is empty.
  if (isInsight(request)) return { events: [] };
  if (attribute?.attributeKey === 'EventId') return byId(reader, account, attribute.attributeValue, range);
  const page = await pageOf(reader, { ...range, ...filterOf(account, attribute) }, position, limit);
  return withToken(page, digest);
}

function withToken({ events, next }: Page, digest: string): LookupPage {
  return next ? { events, nextToken: makeToken(digest, next) } : { events };
}

function attributeOf({ lookupAttributes }: LookupEventsRequest): LookupAttribute | undefined {
  if (lookupAttributes.length > 1) throw invalidAttribute('Only one lookup attribute can be specified.');
  const [attribute] = lookupAttributes;
  if (!attribute) return undefined;
  const { attributeKey: key, attributeValue: value } = attribute;
  if (key !== 'EventId' && !attributes.has(key))
    throw invalidAttribute(`The lookup attribute key is not valid: ${key}.`);
  if (value.length < 1 || value.length > 2_000) throw invalidAttribute('The lookup attribute value is not valid.');
  return attribute;
}

function invalidAttribute(message: string): KeysteadError {
  return new KeysteadError('InvalidLookupAttributes', message);
}

function limitOf({ maxResults = 50 }: LookupEventsRequest): number {
  if (maxResults >= 1 && maxResults <= 50) return maxResults;
  throw new KeysteadError('InvalidMaxResults', 'MaxResults must be between 1 and 50.');
}

/** Event times are whole seconds, so the second in which the range begins belongs to it. */
function rangeOf({ startTimeMs, endTimeMs }: LookupEventsRequest, now: Date): { from: number; to: number } {
  if (startTimeMs !== undefined && endTimeMs !== undefined && startTimeMs > endTimeMs) {
    throw new KeysteadError('InvalidTimeRange', 'The start time must not be after the end time.');
  }
  const oldest = Math.floor(now.getTime() / 1000) - historySeconds;
  const from = startTimeMs === undefined ? oldest : Math.max(oldest, seconds(startTimeMs));
  return { from, to: endTimeMs === undefined ? Number.MAX_SAFE_INTEGER : seconds(endTimeMs) };
}

function seconds(ms: bigint): number {
  return Math.floor(Number(ms) / 1000);
}

function isInsight({ eventCategory }: LookupEventsRequest): boolean {
  if (eventCategory === undefined || eventCategory === 'insight') return eventCategory === 'insight';
  throw new KeysteadError('InvalidEventCategory', 'The event category is not valid; the only valid value is insight.');
}

function filterOf(account: string, attribute: LookupAttribute | undefined): Pick<Query, 'terms' | 'matches'> {
  const key = (attribute?.attributeKey ?? 'all') as Attribute;
  const value = attribute?.attributeValue ?? '';
  return {
    terms: [term(account, 'M', key, value)],
    // The term is a hash: another account or value with the same one must not be shown.
    matches: (event) => event.account === account && event.category === 'M' && valuesOf(event, key).includes(value),
  };
}

/** The values under which an event is found by an attribute. */
function valuesOf(event: StoredEvent, attribute: Attribute): string[] {
  switch (attribute) {
    case 'all':
      return [''];
    case 'EventName':
      return [event.eventName];
    case 'EventSource':
      return [event.eventSource];
    case 'ReadOnly':
      return [String(event.readOnly)];
    case 'Username':
      return [event.username];
    case 'AccessKeyId':
      return [event.accessKeyId];
    case 'ResourceType':
      return event.resources.map(({ type }) => type);
    case 'ResourceName':
      return event.resources.map(({ name }) => name);
  }
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

async function byId(
  reader: Reader,
  account: string,
  eventId: string,
  { from, to }: { from: number; to: number },
): Promise<LookupPage> {
  const leaf = uuid.test(eventId) ? await reader.byEventId(eventId) : undefined;
  if (!leaf || leaf.index < (await reader.floor())) return { events: [] };
  const event = eventOf(leaf);
  const at = Math.floor(event.eventTimeMs / 1000);
  const shown = event.account === account && event.category === 'M' && at >= from && at <= to;
  return { events: shown ? [event] : [] };
}
