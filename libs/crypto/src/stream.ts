/**
 * Objects in segments: the C2SP chunked-encryption construction with AES-256-GCM (crypto design §2.4). A segment is
 * one object, or one part of a multipart upload. Any range can be read and checked without the rest.
 */
export { segmentContext } from './stream/context.js';
export type { SegmentPlace } from './stream/context.js';
export { SegmentError } from './stream/errors.js';
export { SegmentOpener } from './stream/opener.js';
export { COMMITMENT_SIZE, HEADER_SIZE, OBJECT_V1, SALT_SIZE, TAG_SIZE } from './stream/profile.js';
export type { Profile } from './stream/profile.js';
export { RangeReader } from './stream/reader.js';
export { SegmentSealer } from './stream/sealer.js';
export type { SealOptions } from './stream/sealer.js';
export { planRange, plainLength, sealedLength } from './stream/sizes.js';
export type { RangePlan } from './stream/sizes.js';
