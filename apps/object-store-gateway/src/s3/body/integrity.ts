import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { CHECKSUM_ALGORITHMS, isChecksum, startChecksum } from '../../domain/checksum/algorithms.js';
import type { ChecksumAlgorithm, RunningChecksum } from '../../domain/checksum/algorithms.js';
import { S3Error } from '../../domain/s3-error.js';
import type { S3Request } from '../http/request.js';

const headerOf = (algorithm: ChecksumAlgorithm): string => `x-amz-checksum-${algorithm.toLowerCase()}`;

/** A checksum that a request announces: its value in a header, or in the trailer (`value` undefined). */
interface Announced {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: string | undefined;
}

/**
 * Counts what a request says about its plaintext, in the one pass in which it is sealed: Content-MD5, one checksum in
 * a header or in the trailer, and the MD5 that some ETags need.
 */
export class Integrity {
  readonly #announced: Announced | undefined;
  readonly #checksum: RunningChecksum | undefined;
  readonly #md5: Hash | undefined;
  readonly #contentMd5: Buffer | undefined;

  /**
   * @param md5Wanted the ETag will be the MD5
   * @param fallback the algorithm to count when the request names none
   */
  constructor(request: S3Request, { md5Wanted, fallback }: { md5Wanted: boolean; fallback?: ChecksumAlgorithm }) {
    this.#announced = announced(request) ?? (fallback ? { algorithm: fallback, value: '' } : undefined);
    this.#checksum = this.#announced && startChecksum(this.#announced.algorithm);
    this.#contentMd5 = readContentMd5(request.header('content-md5'));
    this.#md5 = md5Wanted || this.#contentMd5 ? createHash('md5') : undefined;
  }

  update(pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      this.#checksum?.update(piece);
      this.#md5?.update(piece);
    }
  }

  /**
   * Holds what was counted against what was announced.
   *
   * @throws {S3Error} BadDigest
   */
  finish(trailer: ReadonlyMap<string, string>): Verified {
    const md5 = this.#md5?.digest();
    if (md5 && this.#contentMd5 && !md5.equals(this.#contentMd5)) throw badMd5(md5, this.#contentMd5);
    const checksum = this.#announced && this.#finishChecksum(this.#announced, trailer);
    return { md5: md5?.toString('hex'), checksum };
  }

  #finishChecksum({ algorithm, value }: Announced, trailer: ReadonlyMap<string, string>): Verified['checksum'] {
    const counted = this.#checksum?.digest() ?? '';
    const expected = value ?? trailer.get(headerOf(algorithm));
    if (expected === undefined) throw new S3Error('InvalidRequest', `The trailer ${headerOf(algorithm)} is missing.`);
    if (expected !== '' && expected !== counted) {
      throw new S3Error('BadDigest', `The ${algorithm} you specified did not match the calculated checksum.`);
    }
    return { algorithm, value: counted };
  }
}

/** What was counted. */
export interface Verified {
  /** Hex; undefined when nobody asked for it. */
  readonly md5: string | undefined;
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
}

function announced(request: S3Request): Announced | undefined {
  const found = CHECKSUM_ALGORITHMS.filter((algorithm) => request.header(headerOf(algorithm)) !== undefined);
  const trailing = trailingAlgorithm(request.header('x-amz-trailer'));
  if (found.length + (trailing ? 1 : 0) > 1) {
    throw new S3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  }
  if (trailing) return { algorithm: trailing, value: undefined };
  const [algorithm] = found;
  if (!algorithm) return undefined;
  const value = request.header(headerOf(algorithm)) ?? '';
  if (isChecksum(algorithm, value)) return { algorithm, value };
  throw new S3Error('InvalidRequest', `Value for ${headerOf(algorithm)} header is invalid.`);
}

function trailingAlgorithm(header: string | undefined): ChecksumAlgorithm | undefined {
  const names = (header ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  const algorithm = CHECKSUM_ALGORITHMS.find((candidate) => names.includes(headerOf(candidate)));
  if (header !== undefined && !algorithm) {
    throw new S3Error('InvalidRequest', 'The value specified in the x-amz-trailer header is not supported');
  }
  return algorithm;
}

function readContentMd5(value: string | undefined): Buffer | undefined {
  if (value === undefined) return undefined;
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length === 16 && bytes.toString('base64') === value) return bytes;
  throw new S3Error('InvalidDigest', undefined, { 'Content-MD5': value.slice(0, 64) });
}

function badMd5(counted: Buffer, expected: Buffer): S3Error {
  return new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.', {
    ExpectedDigest: expected.toString('hex'),
    CalculatedDigest: counted.toString('base64'),
  });
}
