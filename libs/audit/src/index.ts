export { canonicalJson, type Json } from './canonical.js';
export { type ErrorFields } from './error-fields.js';
export { newEventId } from './event-id.js';
export { maxLeafBytes, maxRecordBytes } from './oversize.js';
export { enqueue } from './outbox.js';
export { maxBehindMs, outboxWorker, type OutboxOptions, type OutboxWorker } from './outbox-worker.js';
export { type Queryable } from './queryable.js';
export { cloudTrailRecord, type CloudTrailEvent, type RecordResource } from './record.js';
export { cloudTrailDate } from './time.js';
