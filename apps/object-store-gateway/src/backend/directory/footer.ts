import type { FileHandle } from 'node:fs/promises';

/**
 * The record of an object lies behind the sealed bytes of its first blob, in the same file: so one flush makes both
 * durable. Behind the record are its length (u32) and a mark. Sealed bytes end with a tag, which is no mark by chance
 * more often than once in 2^64 blobs.
 */
const MARK = Buffer.from('KSRECORD', 'latin1');
const TAIL = 4 + MARK.length;

/** The bytes to append for a record. */
export function footerOf(record: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(record.length);
  return Buffer.concat([record, length, MARK]);
}

/** Where the footer of a file begins, and its record; undefined when the file has none. */
export async function readFooter(file: FileHandle): Promise<{ start: number; record: Buffer } | undefined> {
  const { size } = await file.stat();
  const tail = await readAt(file, size - TAIL, TAIL);
  if (!tail?.subarray(4).equals(MARK)) return undefined;
  const length = tail.readUInt32BE();
  const start = size - TAIL - length;
  const record = await readAt(file, start, length);
  return record && { start, record };
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer | undefined> {
  if (position < 0) return undefined;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return bytesRead === length ? buffer : undefined;
}
