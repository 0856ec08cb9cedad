/**
 * Where sealed bytes lie. Blob names are made by `blobName`: a bucket's name, a slash and 32 hex digits, so that no
 * object key ever becomes a file name. A blob is written once and never changed. What is thrown is the backend's own
 * error, for the operator's log; only a blob that does not exist is told apart (`BlobMissing`).
 */
export interface Backend {
  /**
   * Opens a new blob of exactly `length` bytes; nobody sees it before `commit`. `recordRoom` says how long the record that
   * `commit` brings will be at most, if it brings one: it may then become durable with the blob itself.
   */
  create(blob: string, length: number, recordRoom?: number): Promise<BlobWriter>;
  /** Reads bytes [start, end). Throws BlobMissing. */
  read(blob: string, start: number, end: number): Promise<BlobReader>;
  /** Keeps the record of an object beside its first blob, which has none yet; it is durable, and whole, when this resolves. */
  putRecord(blob: string, record: Buffer): Promise<void>;
  /** Removes a record, durably; the blob stays readable for whoever reads it now. */
  removeRecord(blob: string): Promise<void>;
  /** Removes blobs and their records; that they are gone already is not an error. */
  remove(blobs: readonly string[]): Promise<void>;
  /** All records, for rebuilding the index; in no order. */
  records(): AsyncIterable<{ readonly blob: string; readonly record: Buffer }>;
  /** All blobs with their age in milliseconds, for the sweeper. */
  blobs(): AsyncIterable<{ readonly blob: string; readonly ageMs: number }>;
  /** Throws when the backend cannot serve. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Writes one blob; exactly one of `commit` and `abort` ends it. */
export interface BlobWriter {
  /** Takes the next bytes; the buffers must stay as they are until `commit` or `abort` has ended. */
  write(pieces: readonly Uint8Array[]): Promise<void>;
  /**
   * Resolves when the blob, and the record of its object when one is given, are durable. Throws when fewer or more
   * bytes were written than announced.
   */
  commit(record?: Buffer): Promise<void>;
  /** Also after a commit that failed: nothing stays. */
  abort(): Promise<void>;
}

/** Reads one range. */
export interface BlobReader {
  /**
   * The next bytes, undefined at the end. They are the reader's again at the next call, so use or copy them before.
   * Throws when the blob is shorter than the range.
   */
  next(): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

/** The blob is not there. */
export class BlobMissing extends Error {
  override readonly name = 'BlobMissing';

  constructor(blob: string, cause?: unknown) {
    super(`${blob} is missing in the backend`, { cause });
  }
}
