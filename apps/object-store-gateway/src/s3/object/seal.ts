import { randomBytes } from 'node:crypto';
import { SegmentSealer, sealedLength, segmentContext } from '@keystead/crypto/stream';
import type { SegmentPlace } from '@keystead/crypto/stream';
import type { Backend } from '../../backend/backend.js';
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

/**
 * Seals plaintext into a new blob, in one pass: each batch from the socket is counted, sealed, and written while the
 * next one is awaited. When anything fails, nothing stays in the backend.
 */
export async function sealBlob(
  backend: Backend,
  place: SegmentPlace,
  dataKey: Uint8Array,
  source: PlainSource,
  integrity: Integrity,
): Promise<Sealed> {
  const blob = blobName(place.bucket, randomBytes(16));
  const sealer = new SegmentSealer(dataKey, segmentContext(place));
  const writer = await backend.create(blob, sealedLength(source.length));
  let writing: Promise<void> = Promise.resolve();
  try {
    let out: Uint8Array[] = [sealer.header];
    for (let pieces = await source.next(); pieces; pieces = await source.next()) {
      integrity.update(pieces);
      for (const piece of pieces) sealer.update(piece, out);
      await writing;
      writing = writer.write(out);
      // The next pass awaits it; until then a failure must not count as unhandled.
      writing.catch(() => undefined);
      out = [];
    }
    const verified = integrity.finish(source.trailer);
    sealer.final(out);
    await writing;
    await writer.write(out);
    await writer.commit();
    const header = sealer.header.toString('hex');
    return { segment: { blob, part: place.part?.number ?? 0, size: source.length, header }, verified };
  } catch (error) {
    await writing.catch(() => undefined);
    await writer.abort();
    throw error;
  }
}

/** The MD5 of the plaintext; under aws:kms, as with S3, only a unique value (the beginning of the salt). */
export function etagOf(sealed: Sealed, algorithm: 'AES256' | 'aws:kms'): string {
  if (algorithm === 'aws:kms') return sealed.segment.header.slice(0, 32);
  if (sealed.verified.md5 === undefined) throw new S3Error('InternalError');
  return sealed.verified.md5;
}
