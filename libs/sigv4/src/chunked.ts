import type { ChunkSignatures } from './chunk-signature.js';
import { AuthError } from './errors.js';
import { readChunkHead } from './chunk-head.js';
import { readTrailer, type Trailer } from './trailer.js';

/** How an aws-chunked body is to be read. */
export interface ChunkedOptions {
  /** The chain of signatures; absent for STREAMING-UNSIGNED-PAYLOAD-TRAILER. */
  readonly signatures?: ChunkSignatures;
  /** Whether a trailer may follow (`…-TRAILER`). */
  readonly trailer: boolean;
  /** `x-amz-decoded-content-length`, in bytes; undefined when the client did not say. */
  readonly decodedLength?: number;
  /** Smallest size of a chunk that is not the last; AWS's 8,192 bytes unless given. */
  readonly minimumChunk?: number;
}

/** Longest line: `1000000000;chunk-signature=` and 64 digits need 92; a trailer field may hold a SHA-512 and more. */
const maximumLine = 1024;
const maximumTrailer = 16 * 1024;
/** Largest chunk, in bytes: 5 GiB, the largest body of one PUT. */
const maximumChunk = 5 * 1024 ** 3;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

type State = 'head' | 'data' | 'dataEnd' | 'trailer' | 'done';

/**
 * Reads `Content-Encoding: aws-chunked` bodies in linear time and without copying data.
 *
 * Data is given out before the signature of its chunk is known. So nothing may be kept until `end` returned.
 */
export class ChunkedDecoder {
  readonly #options: ChunkedOptions;
  #state: State = 'head';
  #line = '';
  #left = 0;
  #signature = '';
  #decoded = 0;
  #sawSmall = false;
  #trailerLines: string[] = [];
  #trailerBytes = 0;

  constructor(options: ChunkedOptions) {
    this.#options = options;
  }

  /** Bytes of data so far. */
  get decodedBytes(): number {
    return this.#decoded;
  }

  /** Takes the next bytes of the body; gives the data in them, as views on `input`. Throws AuthError. */
  push(input: Buffer): Buffer[] {
    const out: Buffer[] = [];
    let at = 0;
    while (at < input.length) at = this.#state === 'data' ? this.#data(input, at, out) : this.#lines(input, at);
    return out;
  }

  /** To be called when the body has ended. Gives the fields of the trailer by lower-case name. */
  end(): Trailer {
    if (this.#state !== 'done') throw new AuthError('IncompleteBody');
    const { decodedLength } = this.#options;
    if (decodedLength !== undefined && decodedLength !== this.#decoded) throw new AuthError('IncompleteBody');
    return readTrailer(this.#trailerLines, this.#options.signatures);
  }

  #data(input: Buffer, at: number, out: Buffer[]): number {
    const end = Math.min(input.length, at + this.#left);
    const piece = input.subarray(at, end);
    this.#options.signatures?.update(piece);
    out.push(piece);
    this.#left -= piece.length;
    if (this.#left === 0) this.#state = 'dataEnd';
    return end;
  }

  #lines(input: Buffer, at: number): number {
    if (this.#state === 'done') throw new AuthError('InvalidChunk');
    const feed = input.indexOf(lineFeed, at);
    const end = feed < 0 ? input.length : feed;
    if (this.#line.length + (end - at) > maximumLine) throw new AuthError('InvalidChunk');
    this.#line += input.toString('latin1', at, end);
    if (feed < 0) return end;
    this.#endLine();
    return feed + 1;
  }

  #endLine(): void {
    const line = this.#line;
    this.#line = '';
    if (line.charCodeAt(line.length - 1) !== carriageReturn) throw new AuthError('InvalidChunk');
    const text = line.slice(0, -1);
    if (this.#state === 'head') this.#head(text);
    else if (this.#state === 'dataEnd') this.#dataEnd(text);
    else this.#trailer(text);
  }

  #head(line: string): void {
    const { size, signature } = readChunkHead(line, this.#options.signatures !== undefined);
    if (size > maximumChunk) throw new AuthError('ChunkTooLarge');
    this.#decoded += size;
    const { decodedLength = Number.MAX_SAFE_INTEGER } = this.#options;
    if (this.#decoded > decodedLength) throw new AuthError('IncompleteBody');
    this.#signature = signature;
    if (size === 0) return this.#lastHead();
    if (this.#sawSmall) throw new AuthError('ChunkTooSmall');
    this.#sawSmall = size < (this.#options.minimumChunk ?? 8192);
    this.#left = size;
    this.#state = 'data';
  }

  #lastHead(): void {
    this.#options.signatures?.endChunk(this.#signature);
    this.#state = 'trailer';
  }

  #dataEnd(line: string): void {
    if (line !== '') throw new AuthError('InvalidChunk');
    this.#options.signatures?.endChunk(this.#signature);
    this.#state = 'head';
  }

  #trailer(line: string): void {
    if (line === '') this.#state = 'done';
    else this.#trailerField(line);
  }

  #trailerField(line: string): void {
    if (!this.#options.trailer) throw new AuthError('MalformedTrailer');
    this.#trailerBytes += line.length;
    if (this.#trailerBytes > maximumTrailer) throw new AuthError('MalformedTrailer');
    this.#trailerLines.push(line);
  }
}
