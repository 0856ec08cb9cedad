/**
 * The record of an object lies behind the sealed bytes of its first blob, in the same file or S3 object: so one flush,
 * or one request, makes both durable. Behind the record are its length (u32) and a mark. Sealed bytes end with a tag,
 * which is no mark by chance more often than once in 2^64 blobs.
 */
const MARK = Buffer.from('KSRECORD', 'latin1');
const TAIL = 4 + MARK.length;
/** Far above the record of ten thousand parts: a length that somebody wrote into the store must not take our memory. */
const longestRecord = 16 << 20;

/**
 * The bytes to append for a record: exactly `room` of them when that is given, with zeros before the record; undefined
 * when the record does not fit.
 */
export function footerOf(record: Buffer): Buffer;
export function footerOf(record: Buffer, room: number): Buffer | undefined;
export function footerOf(record: Buffer, room = record.length + TAIL): Buffer | undefined {
  const start = room - TAIL - record.length;
  if (start < 0) return undefined;
  const footer = Buffer.alloc(room);
  record.copy(footer, start);
  footer.writeUInt32BE(record.length, start + record.length);
  MARK.copy(footer, room - MARK.length);
  return footer;
}

/** The room of a footer whose record has at most `record` bytes. */
export const footerRoom = (record: number): number => record + TAIL;

/** Reads `length` bytes at `position`; undefined when there are fewer. */
export type ReadAt = (position: number, length: number) => Promise<Buffer | undefined>;

/** Where the record in the footer of `size` bytes begins, and the record; undefined when there is none. */
export async function readFooter(size: number, readAt: ReadAt): Promise<{ start: number; record: Buffer } | undefined> {
  const tail = size < TAIL ? undefined : await readAt(size - TAIL, TAIL);
  if (!tail?.subarray(4).equals(MARK)) return undefined;
  const length = tail.readUInt32BE();
  if (length > longestRecord) return undefined;
  const start = size - TAIL - length;
  const record = start < 0 ? undefined : await readAt(start, length);
  return record && { start, record };
}
