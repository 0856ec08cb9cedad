import { checkReadConditions } from '../domain/conditions.js';
import type { ObjectRecord } from '../domain/object.js';
import { readRange } from '../domain/range.js';
import type { ByteRange } from '../domain/range.js';
import { S3Error } from '../domain/s3-error.js';
import type { S3Request } from './http/request.js';
import { type Journal, type Outcome, SHORT_BODY } from './journal.js';
import { checksumHeaders, conditionsOf, objectHeaders } from './object/headers.js';
import { recordedKey } from './object/data-key.js';
import { ObjectReader } from './object/open.js';
import { provenDataKey, storedObject } from './object/record.js';
import type { Operation } from './operation.js';
import { partNumberParameter } from './parameters.js';
import type { Reply } from './reply.js';

export const GetObject: Operation = {
  name: 'GetObject',
  action: 's3:GetObject',
  scope: 'object',
  findsObject: true,
  category: 'Data',
  readOnly: true,
  async run({ request, bucket, key, found, journal }, gateway) {
    const stored = await storedObject(gateway, request, bucket, key, found);
    const { record } = stored;
    const head = describe(request, record);
    const sent = head.range.to - head.range.from;
    const extra = { bytesTransferredIn: 0, bytesTransferredOut: sent };
    const opening = provenDataKey(gateway, request, stored);
    const open = (key: Promise<Buffer>): Promise<ObjectReader> =>
      ObjectReader.open(gateway.backend, record, head.range, key);
    if (sent > SHORT_BODY)
      return {
        ...head.reply,
        stream: await open(recordedKey(opening, journal.authorized(), (key) => key)),
        audit: { extra },
      };
    const stream = await openedAndRecorded(open(opening), opening, journal, { extra });
    return { ...head.reply, stream, audit: { extra, recorded: true } };
  },
};

/**
 * The object, opened while its call is recorded: nothing is given out before both are done. The record says that the key
 * was there; what fails from then on leaves a record of its own.
 */
async function openedAndRecorded(
  opening: Promise<ObjectReader>,
  key: Promise<Buffer>,
  journal: Journal,
  outcome: Outcome,
): Promise<ObjectReader> {
  const recording = key.then(() => journal.completed(outcome));
  const [opened, recorded] = await Promise.allSettled([opening, recording]);
  if (opened.status === 'rejected') throw opened.reason;
  if (recorded.status === 'fulfilled') return opened.value;
  await opened.value.close();
  throw recorded.reason;
}

/** Status and headers of GET and HEAD, and which bytes they are about. */
export function describe(request: S3Request, record: ObjectRecord): { reply: Reply; range: ByteRange } {
  checkReadConditions(conditionsOf(request), record);
  const part = partOf(request, record);
  const range = part?.range ?? readRange(request.header('range'), record.size);
  const { from, to } = range ?? { from: 0, to: record.size };
  const partial = range !== undefined && record.size > 0;
  const wantsChecksum = request.header('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
  const headers = {
    ...objectHeaders(request, record),
    'content-length': String(to - from),
    ...(partial ? { 'content-range': `bytes ${from}-${to - 1}/${record.size}` } : {}),
    ...(part?.count ? { 'x-amz-mp-parts-count': String(part.count) } : {}),
    // A checksum of the whole says nothing about a range.
    ...(wantsChecksum && to - from === record.size ? checksumHeaders(record) : {}),
  };
  return { reply: { status: partial ? 206 : 200, headers }, range: { from, to } };
}

function partOf(request: S3Request, { segments, uploadId, size }: ObjectRecord) {
  if (!request.query.has('partNumber')) return undefined;
  if (request.header('range') !== undefined) {
    throw new S3Error('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter');
  }
  const number = partNumberParameter(request);
  if (uploadId === '') {
    if (number !== 1)
      throw new S3Error('InvalidPartNumber', undefined, { PartNumberRequested: String(number), ActualPartCount: '1' });
    return { range: { from: 0, to: size }, count: undefined };
  }
  const index = segments.findIndex(({ part }) => part === number);
  const segment = segments[index];
  if (!segment) {
    const details = { PartNumberRequested: String(number), ActualPartCount: String(segments.length) };
    throw new S3Error('InvalidPartNumber', undefined, details);
  }
  const from = segments.slice(0, index).reduce((sum, { size: bytes }) => sum + bytes, 0);
  return { range: { from, to: from + segment.size }, count: segments.length };
}
