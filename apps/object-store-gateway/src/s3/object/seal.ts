import { randomBytes } from 'node:crypto';
import { SegmentSealer, sealedLength, segmentContext } from '@keystead/crypto/stream';
import type { SegmentPlace } from '@keystead/crypto/stream';
import type { Backend, BlobWriter } from '../../backend/backend.js';
import { blobName } from '../../domain/blob-name.js';
import type { Segment } from '../../domain/object.js';
import { S3Error } from '../../domain/s3-error.js';
import type { Integrity, Verified } from '../body/integrity.js';

/** Largest plaintext of one PUT or part: its sealed form still fits into one PUT of the backend (5 GiB). */
export const MOST_BYTES = 5 * 1024 ** 3 - 2 * 1024 ** 2;

/** Plaintext with a known length and, at its end, a trailer. */
export interface PlainSource {
  readonly length: number;
  next(): Promise<Buffer[] | undefined>;
  readonly trailer: ReadonlyMap<string, string>;
}

/** A sealed blob that is durable in the backend, and what was counted of its plaintext. */
export interface Sealed {
  readonly segment: Segment;
  readonly verified: Verified;
}

/** What one seal works with. */
export interface Sealing {
  readonly now: Date;
  readonly place: SegmentPlace;
  readonly dataKey: Uint8Array;
  readonly source: PlainSource;
  readonly integrity: Integrity;
  /** Bytes that the record which `finish` gives will have at most. */
  readonly recordRoom?: number;
}

/** What is to be durable together with the blob: the record of its object, and whatever is awaited beside it. */
export interface Finish {
  readonly record?: Buffer;
  readonly meanwhile?: Promise<unknown>;
}

/** Sealed bytes that are worth a system call. */
const WORTH_WRITING = 256 * 1024;

/**
 * Seals plaintext into a new blob, in one pass: each batch from the socket is counted, sealed, and written while the
 * next one is awaited. When all is checked, `finish` says what becomes durable with it. When anything fails, nothing
 * stays in the backend.
 */
export async function sealBlob(
  backend: Backend,
  { now, place, dataKey, source, integrity, recordRoom }: Sealing,
  finish: (sealed: Sealed) => Finish = () => ({}),
): Promise<Sealed> {
  const blob = blobName(place.bucket, now, randomBytes(12));
  const sealer = new SegmentSealer(dataKey, segmentContext(place));
  const writer = await backend.create(blob, sealedLength(source.length), recordRoom);
  const queue = new WriteQueue(writer);
  try {
    queue.out.push(sealer.header);
    for (let pieces = await source.next(); pieces; pieces = await source.next()) {
      integrity.update(pieces);
      for (const piece of pieces) sealer.update(piece, queue.out);
      if (sizeOf(queue.out) >= WORTH_WRITING) await queue.start();
    }
    const verified = integrity.finish(source.trailer);
    sealer.final(queue.out);
    await queue.end();
    const header = sealer.header.toString('hex');
    const sealed = { segment: { blob, part: place.part?.number ?? 0, size: source.length, header }, verified };
    await commit(writer, finish(sealed));
    return sealed;
  } catch (error) {
    await queue.settled();
    await writer.abort();
    throw error;
  }
}

/** Waits for both, whatever happens: only then it is clear what is to be undone. */
async function commit(writer: BlobWriter, { record, meanwhile }: Finish): Promise<void> {
  const results = await Promise.allSettled([writer.commit(record), meanwhile]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** One write under way while the next is collected. */
class WriteQueue {
  out: Uint8Array[] = [];
  readonly #writer: BlobWriter;
  #writing: Promise<void> = Promise.resolve();

  constructor(writer: BlobWriter) {
    this.#writer = writer;
  }

  /** Resolves when the write before is done; this one goes on. */
  async start(): Promise<void> {
    await this.#writing;
    this.#writing = this.#writer.write(this.out);
    // The next call awaits it; until then a failure must not count as unhandled.
    this.#writing.catch(() => undefined);
    this.out = [];
  }

  async end(): Promise<void> {
    await this.start();
    await this.#writing;
  }

  async settled(): Promise<void> {
    await this.#writing.catch(() => undefined);
  }
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  let size = 0;
  for (const { length } of pieces) size += length;
  return size;
}

/** The MD5 of the plaintext; under aws:kms, as with S3, only a unique value (the beginning of the salt). */
export function etagOf(sealed: Sealed, algorithm: 'AES256' | 'aws:kms'): string {
  if (algorithm === 'aws:kms') return sealed.segment.header.slice(0, 32);
  if (sealed.verified.md5 === undefined) throw new S3Error('InternalError');
  return sealed.verified.md5;
}
