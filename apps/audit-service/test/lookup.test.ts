import { logger } from '@keystead/service';
import type { LookupEventsRequest, SearchRequest } from '@keystead/proto/audit';
import { EventCategory } from '@keystead/proto/audit';
import { testDatabase, type TestDatabase } from '@keystead/testing/database';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lookupEvents } from '../src/domain/lookup-events.js';
import type { Reader } from '../src/domain/page.js';
import { search } from '../src/domain/search.js';
import { raiseFloor, reader as openReader } from '../src/store/reader.js';
import { Journal } from '../src/workers/journal.js';
import { account, contextOf, keyArn, record } from './records.js';

const now = new Date('2026-11-22T12:00:00Z');
const minutesAgo = (minutes: number): Date => new Date(now.getTime() - minutes * 60_000);
const total = 130;

let database: TestDatabase;
let journal: Journal;
let reader: Reader;
beforeAll(async () => {
  database = await testDatabase('audit-service');
  const pool = database.pool('audit-service');
  journal = new Journal({ pool, holder: 'test', log: logger('audit-service', 'silent') });
  reader = openReader(pool);
  // One per second, in crowds that mix seconds, names, users and keys.
  const records = Array.from({ length: total }, (_, n) =>
    record(
      {
        at: new Date(now.getTime() - n * 1_000),
        eventName: n % 2 === 0 ? 'Encrypt' : 'CreateAlias',
        readOnly: n % 2 === 0,
        resources: [{ arn: keyArn(n % 3), type: 'AWS::KMS::Key' }],
      },
      contextOf(n % 5 === 0 ? 'bob' : 'alice'),
    ),
  );
  await Promise.all(records.map((one) => journal.append(one)));
  await journal.append(record({ at: new Date(now.getTime() - 91 * 86_400_000), eventName: 'TooOld' }));
  await journal.append(
    record({ at: minutesAgo(30), category: 'Data', eventName: 'GetObject', eventSource: 's3.amazonaws.com' }),
  );
  const resources = [{ type: 'AWS::IAM::User', name: 'carol' }];
  await journal.append(
    record({
      at: minutesAgo(40),
      eventName: 'CreateUser',
      eventSource: 'iam.amazonaws.com',
      lookupResources: resources,
    }),
  );
  await journal.append(record({ at: minutesAgo(50), eventName: 'Foreign', recipientAccount: '111111111111' }));
});
afterAll(async () => {
  await journal.close();
  await database[Symbol.asyncDispose]();
});

const ask = (request: Partial<LookupEventsRequest> = {}, of = account) =>
  lookupEvents(reader, of, { lookupAttributes: [], ...request }, now);
const by = (attributeKey: string, attributeValue: string): Partial<LookupEventsRequest> => ({
  lookupAttributes: [{ attributeKey, attributeValue }],
});

async function everything(request: Partial<LookupEventsRequest>) {
  const events = [];
  for (let nextToken: string | undefined; ;) {
    const page = await ask({ ...request, ...(nextToken === undefined ? {} : { nextToken }) });
    events.push(...page.events);
    nextToken = page.nextToken;
    if (nextToken === undefined) return events;
  }
}

describe('LookupEvents', () => {
  test('shows an account its management events of 90 days, newest first, 50 at a time', async () => {
    const first = await ask();
    expect(first.events).toHaveLength(50);
    const all = await everything({});
    expect(all).toHaveLength(total + 1);
    const times = all.map(({ eventTimeMs }) => eventTimeMs);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(new Set(all.map(({ eventId }) => eventId)).size).toBe(total + 1);
    expect(all.map(({ eventName }) => eventName)).not.toContain('TooOld');
    expect(all.map(({ eventName }) => eventName)).not.toContain('GetObject');
  });

  test.each([
    ['EventName', 'CreateAlias', 65],
    ['ReadOnly', 'true', 66],
    ['Username', 'bob', 26],
    ['AccessKeyId', 'AKIABOB', 26],
    ['ResourceName', keyArn(1), 43],
    ['ResourceName', 'carol', 1],
    ['ResourceType', 'AWS::IAM::User', 1],
    ['EventSource', 'iam.amazonaws.com', 1],
    ['EventName', 'GetObject', 0],
    ['EventName', 'TooOld', 0],
    ['Username', 'nobody', 0],
  ])('finds by %s %s', async (key, value, count) => {
    const found = await everything({ ...by(key, value), maxResults: 7 });
    expect(found).toHaveLength(count);
  });

  test('finds by EventId, in the own account only', async () => {
    const [event] = (await ask({ maxResults: 1 })).events;
    const id = by('EventId', event?.eventId ?? '');
    expect((await ask(id)).events).toEqual([event]);
    expect((await ask(id, '111111111111')).events).toEqual([]);
    expect((await ask(by('EventId', 'not-a-uuid'))).events).toEqual([]);
    expect((await ask({}, '111111111111')).events).toMatchObject([
      { eventName: 'Foreign', username: '', accessKeyId: '' },
    ]);
  });

  test('takes both ends of a time range in', async () => {
    const range = { startTimeMs: BigInt(now.getTime() - 9_000), endTimeMs: BigInt(now.getTime() - 3_000) };
    expect(await everything(range)).toHaveLength(7);
    await expect(ask({ startTimeMs: 2n, endTimeMs: 1n })).rejects.toMatchObject({ name: 'InvalidTimeRangeException' });
  });

  test('a token is good only for the parameters that it was made for', async () => {
    const { nextToken = '' } = await ask({ maxResults: 10 });
    await expect(ask({ maxResults: 10, nextToken })).resolves.toBeDefined();
    const wrong = [
      ask({ maxResults: 11, nextToken }),
      ask({ maxResults: 10, nextToken, ...by('EventName', 'Encrypt') }),
      ask({ maxResults: 10, nextToken: `${nextToken.slice(0, -2)}AA` }),
      ask({ maxResults: 10, nextToken: 'x' }),
      ask({ maxResults: 10, nextToken }, '111111111111'),
    ];
    for (const one of wrong) await expect(one).rejects.toMatchObject({ name: 'InvalidNextTokenException' });
  });

  test('refuses what AWS refuses, by its names', async () => {
    const two = [...(by('EventName', 'a').lookupAttributes ?? []), ...(by('Username', 'b').lookupAttributes ?? [])];
    await expect(ask({ lookupAttributes: two })).rejects.toMatchObject({ name: 'InvalidLookupAttributesException' });
    await expect(ask(by('Colour', 'red'))).rejects.toMatchObject({ name: 'InvalidLookupAttributesException' });
    await expect(ask(by('EventName', ''))).rejects.toMatchObject({ name: 'InvalidLookupAttributesException' });
    for (const maxResults of [0, 51, -1]) {
      await expect(ask({ maxResults })).rejects.toMatchObject({ name: 'InvalidMaxResultsException' });
    }
    await expect(ask({ eventCategory: 'data' })).rejects.toMatchObject({ name: 'InvalidEventCategoryException' });
    expect(await ask({ eventCategory: 'insight' })).toEqual({ events: [] });
  });
});

describe('search', () => {
  const nothing: SearchRequest = {
    ...{ account: '', eventName: '', username: '', resourceName: '', eventSource: '' },
    category: EventCategory.EVENT_CATEGORY_UNSPECIFIED,
  };
  const names = async (request: Partial<SearchRequest>) => {
    const found = [];
    for (let nextToken: string | undefined; ;) {
      const page = await search(reader, { ...nothing, ...request, ...(nextToken === undefined ? {} : { nextToken }) });
      found.push(...page.events.map(({ eventName }) => eventName));
      nextToken = page.nextToken;
      if (nextToken === undefined) return found;
    }
  };

  test('goes over all accounts, categories and times, in pages', async () => {
    const all = await names({ maxResults: 25 });
    expect(all).toHaveLength(total + 4);
    expect(all).toEqual(expect.arrayContaining(['GetObject', 'TooOld', 'Foreign', 'CreateUser']));
  });

  test('every filter narrows, with and without an account', async () => {
    for (const of of ['', account]) {
      const filter = { account: of, username: 'bob', eventName: 'Encrypt', maxResults: 4 };
      expect(await names(filter)).toHaveLength(13);
      expect(await names({ account: of, eventSource: 's3.amazonaws.com' })).toEqual(['GetObject']);
      const category = EventCategory.EVENT_CATEGORY_DATA;
      expect(await names({ account: of, category })).toEqual(['GetObject']);
    }
    expect(await names({ account, resourceName: keyArn(1) })).toHaveLength(43 + 2);
  });
});

test('a raised floor hides what is there from look-ups, and nothing is deleted', async () => {
  await raiseFloor(database.pool('audit-service'));
  await journal.append(record({ at: now, eventName: 'AfterReset' }));
  expect((await ask()).events.map(({ eventName }) => eventName)).toEqual(['AfterReset']);
  const { rows } = await database.pool('audit-service').query('select count(*)::int as n from audit_leaf');
  expect(rows).toEqual([{ n: total + 5 }]);
});
