import { KeysteadError } from '@keystead/errors';
import { EventCategory, type SearchRequest } from '@keystead/proto/audit';
import type { StoredEvent } from './event.js';
import type { LookupPage } from './lookup-events.js';
import { pageOf, type Reader, scan } from './page.js';
import { type Attribute, type Category, term } from './terms.js';
import { makeToken, parametersDigest, readToken } from './token.js';

/**
 * Operators' search: every filter narrows, all categories, newest first. With an account it goes by the index of the
 * narrowest filter; without one it reads the journal backwards, in the order of its leaves, and a page may then hold
 * fewer events than asked for, or none, and still have a next.
 */
export async function search(reader: Reader, request: SearchRequest): Promise<LookupPage> {
  const limit = limitOf(request);
  const digest = digestOf(request);
  const position = readToken(digest, request.nextToken);
  const query = { ...rangeOf(request), matches: (event: StoredEvent) => matches(event, request) };
  const page =
    request.account === ''
      ? await scan(reader, query, position, limit)
      : await pageOf(reader, { ...query, terms: termsOf(request) }, position, limit);
  return page.next ? { events: page.events, nextToken: makeToken(digest, page.next) } : { events: page.events };
}

function limitOf({ maxResults = 100 }: SearchRequest): number {
  if (maxResults >= 1 && maxResults <= 1_000) return maxResults;
  throw new KeysteadError('InvalidMaxResults', 'The number of results must be between 1 and 1000.');
}

function digestOf(request: SearchRequest): string {
  const { account, eventName, username, resourceName, eventSource, category, startTimeMs, endTimeMs } = request;
  const times = [startTimeMs, endTimeMs].map((ms) => ms?.toString() ?? null);
  return parametersDigest(['search', account, eventName, username, resourceName, eventSource, category, ...times]);
}

function rangeOf({ startTimeMs, endTimeMs }: SearchRequest): { from: number; to: number } {
  if (startTimeMs !== undefined && endTimeMs !== undefined && startTimeMs > endTimeMs) {
    throw new KeysteadError('InvalidTimeRange', 'The start time must not be after the end time.');
  }
  const from = startTimeMs === undefined ? 0 : Math.floor(Number(startTimeMs) / 1000);
  return { from, to: endTimeMs === undefined ? Number.MAX_SAFE_INTEGER : Math.floor(Number(endTimeMs) / 1000) };
}

const letters: Readonly<Record<number, Category>> = {
  [EventCategory.EVENT_CATEGORY_MANAGEMENT]: 'M',
  [EventCategory.EVENT_CATEGORY_DATA]: 'D',
};

/** The filter that is likely to hold the fewest records, once for each category. */
function termsOf(request: SearchRequest): bigint[] {
  const [attribute, value] = narrowest(request);
  const only = letters[request.category];
  return (only ? [only] : (['M', 'D'] as const)).map((category) => term(request.account, category, attribute, value));
}

function narrowest({ resourceName, username, eventName, eventSource }: SearchRequest): [Attribute, string] {
  if (resourceName !== '') return ['ResourceName', resourceName];
  if (username !== '') return ['Username', username];
  if (eventName !== '') return ['EventName', eventName];
  return eventSource === '' ? ['all', ''] : ['EventSource', eventSource];
}

function matches(event: StoredEvent, request: SearchRequest): boolean {
  const { account, eventName, username, resourceName, eventSource } = request;
  const only = letters[request.category];
  return (
    (account === '' || event.account === account) &&
    (only === undefined || event.category === only) &&
    (eventName === '' || event.eventName === eventName) &&
    (username === '' || event.username === username) &&
    (eventSource === '' || event.eventSource === eventSource) &&
    (resourceName === '' || event.resources.some(({ name }) => name === resourceName))
  );
}
