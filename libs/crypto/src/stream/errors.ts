/** A segment that is not what was sealed: changed, cut, lengthened, reordered, or under another key or context. */
export class SegmentError extends Error {
  override readonly name = 'SegmentError';
}
