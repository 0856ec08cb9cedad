import { RangeReader, SegmentError, SegmentOpener, planRange, segmentContext } from '@keystead/crypto/stream';
import { BlobMissing } from '../../backend/backend.js';
import type { Backend, BlobReader } from '../../backend/backend.js';
import type { ObjectRecord, Segment } from '../../domain/object.js';
import type { ByteRange } from '../../domain/range.js';
import { S3Error } from '../../domain/s3-error.js';
import type { ObjectStream } from '../reply.js';

/** A range of one segment. */
interface Piece {
  readonly segment: Segment;
  readonly from: number;
  readonly to: number;
}

/**
 * Opens a range of an object: only the chunks that hold it are read, and each is checked before it is given out.
 * The reader zeroes `dataKey` when it is closed.
 */
export class ObjectReader implements ObjectStream {
  readonly #backend: Backend;
  readonly #record: ObjectRecord;
  #dataKey: Buffer = Buffer.alloc(0);
  #pieces: Piece[] = [];
  /** The first blob, asked for before there was a key. */
  #ahead: Promise<BlobReader> | undefined;
  #current: { blob: BlobReader; range: RangeReader; opener: SegmentOpener } | undefined;
  #first: Uint8Array[] | undefined;

  private constructor(backend: Backend, record: ObjectRecord) {
    this.#backend = backend;
    this.#record = record;
  }

  /**
   * Asks the backend for the first sealed bytes while the key is on its way. Resolves when they are opened and checked,
   * so that a damaged object is an error and not a cut answer. Nothing is given out before `key` resolves.
   */
  static async open(
    backend: Backend,
    record: ObjectRecord,
    range: ByteRange,
    key: Promise<Buffer>,
  ): Promise<ObjectReader> {
    const reader = new ObjectReader(backend, record);
    try {
      reader.#ask(range);
      reader.#dataKey = await key;
      reader.#first = await reader.#read();
    } catch (error) {
      key.then(
        (late) => late.fill(0),
        () => undefined,
      );
      await reader.close();
      throw damaged(error);
    }
    return reader;
  }

  async next(): Promise<Uint8Array[] | undefined> {
    const first = this.#first;
    this.#first = undefined;
    if (first) return first;
    try {
      return await this.#read();
    } catch (error) {
      throw damaged(error);
    }
  }

  async close(): Promise<void> {
    this.#dataKey.fill(0);
    await this.#endSegment();
    const ahead = this.#ahead;
    this.#ahead = undefined;
    await ahead?.then(
      (blob) => blob.close(),
      () => undefined,
    );
  }

  #ask(range: ByteRange): void {
    this.#pieces = piecesOf(this.#record.segments, range);
    const [first] = this.#pieces;
    if (!first) return;
    this.#ahead = this.#blobOf(first);
    // Whoever needs it awaits it; until then a failure must not count as unhandled.
    this.#ahead.catch(() => undefined);
  }

  async #read(): Promise<Uint8Array[] | undefined> {
    for (;;) {
      this.#current ??= await this.#nextSegment();
      if (!this.#current) return undefined;
      const { blob, range } = this.#current;
      const sealed = await blob.next();
      const out: Uint8Array[] = [];
      if (sealed) range.update(sealed, out);
      else {
        range.final();
        await this.#endSegment();
      }
      if (out.length > 0) return out;
    }
  }

  async #nextSegment() {
    const piece = this.#pieces.shift();
    if (!piece) return undefined;
    const { segment, from, to } = piece;
    const opener = new SegmentOpener(this.#dataKey, this.#context(segment), Buffer.from(segment.header, 'hex'));
    const coming = this.#ahead ?? this.#blobOf(piece);
    this.#ahead = undefined;
    return { blob: await coming, opener, range: new RangeReader(opener, planRange(segment.size, from, to)) };
  }

  async #blobOf({ segment, from, to }: Piece): Promise<BlobReader> {
    const { start, end } = planRange(segment.size, from, to);
    return this.#backend.read(segment.blob, start, end);
  }

  async #endSegment(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    current?.opener.close();
    await current?.blob.close();
  }

  #context({ part }: Segment): Buffer {
    const { bucket, key, uploadId } = this.#record;
    return segmentContext({ bucket, key, ...(part === 0 ? {} : { part: { number: part, uploadId } }) });
  }
}

/** Which part of which segment holds the range; empty segments are proven too. */
function piecesOf(segments: readonly Segment[], { from, to }: ByteRange): Piece[] {
  const pieces: Piece[] = [];
  let start = 0;
  for (const segment of segments) {
    const end = start + segment.size;
    const first = Math.max(from, start);
    const last = Math.min(to, end);
    if (first < last) pieces.push({ segment, from: first - start, to: last - start });
    else if (segment.size === 0) pieces.push({ segment, from: 0, to: 0 });
    start = end;
  }
  return pieces;
}

/** What the backend holds is not what was stored: an operator's matter, which the caller only learns as 500. */
function damaged(error: unknown): unknown {
  const cause = error instanceof SegmentError || error instanceof BlobMissing || error instanceof RangeError;
  return cause ? Object.assign(new S3Error('InternalError'), { cause: error }) : error;
}
