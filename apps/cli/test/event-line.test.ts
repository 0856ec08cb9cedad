import { EventCategory, type Event } from '@keystead/proto/audit';
import { expect, test } from 'vitest';
import { eventLine } from '../src/event-line.js';

function event(record: object): Event {
  return {
    eventId: '01a224f1-098d-7bd8-a1ec-f15f18bb2bfd',
    eventName: 'GetObject',
    eventSource: 's3.amazonaws.com',
    eventTimeMs: 1_795_916_106_000n,
    username: 'bob',
    accessKeyId: '',
    readOnly: true,
    resources: [{ type: 'AWS::S3::Object', name: 'arn:aws:s3:::vault/plain' }],
    cloudTrailEvent: JSON.stringify(record),
    index: 7n,
    category: EventCategory.EVENT_CATEGORY_DATA,
  };
}

const common = '2026-11-29T01:35:06.000Z  bob  s3  GetObject';

test('a call that ended well is ok', () => {
  expect(eventLine(event({}))).toBe(`${common}  ok  arn:aws:s3:::vault/plain`);
});

test('an object call that was only let in is not called ok', () => {
  const line = eventLine(event({ requestID: 'r', additionalEventData: { phase: 'authorized' } }));
  expect(line).toBe(`${common}  authorized  arn:aws:s3:::vault/plain`);
});

test('a refusal has the request id with which it can be explained', () => {
  expect(eventLine(event({ errorCode: 'AccessDenied', requestID: 'be0139e5' }))).toBe(
    `${common}  AccessDenied  arn:aws:s3:::vault/plain  request be0139e5`,
  );
});
