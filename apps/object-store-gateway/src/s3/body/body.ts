import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { ChunkSignatures, ChunkedDecoder, checkBody } from '@keystead/sigv4';
import type { Authentication } from '@keystead/sigv4';
import { S3Error } from '../../domain/s3-error.js';
import type { RequestHead, S3Request } from '../http/request.js';
import { IncomingBody } from './incoming.js';

/** Pieces are joined beyond this many: one may be a byte, and costs a hundred beside. */
const MOST_LOOSE = 256;

const NO_TRAILER: ReadonlyMap<string, string> = new Map();

/** The plaintext of a request's body, held against its declaration while it is read. */
export interface RequestBody {
  /** Bytes of plaintext. */
  readonly length: number;
  /** The next plaintext; undefined when the body has ended and was what the signature declared. */
  next(): Promise<Buffer[] | undefined>;
  /** The trailer by lower-case name; empty before the end. */
  readonly trailer: ReadonlyMap<string, string>;
}

/**
 * Opens the body of a request that brings an object's bytes. The length is known before a byte is read.
 *
 * @throws {S3Error} MissingContentLength, EntityTooLarge, InvalidRequest
 */
export function openBody(request: S3Request, most: number): RequestBody {
  const length = plainLength(request);
  if (length > most) {
    const details = { ProposedSize: String(length), MaxSizeAllowed: String(most) };
    throw new S3Error('EntityTooLarge', undefined, details);
  }
  sendContinue(request);
  const declared = request.auth.declared?.payload;
  if (declared?.kind === 'chunked') return new ChunkedBody(request, length, declared);
  return new PlainBody(request, length);
}

/** Reads a small body whole. */
export async function readWhole(request: S3Request, most: number): Promise<Buffer> {
  const length = plainLength(request);
  if (length > most) throw new S3Error('MaxMessageLengthExceeded', undefined, { MaxMessageLengthBytes: String(most) });
  const body = openBody(request, most);
  const joined: Buffer[] = [];
  let loose: Buffer[] = [];
  for (let pieces = await body.next(); pieces; pieces = await body.next()) {
    for (const piece of pieces) loose.push(piece);
    if (loose.length < MOST_LOOSE) continue;
    joined.push(Buffer.concat(loose));
    loose = [];
  }
  return Buffer.concat([...joined, ...loose]);
}

/** Tells a waiting client to send its body. Only a request that was authorized gets here. */
function sendContinue({ expectsContinue, response }: RequestHead): void {
  if (expectsContinue) response.writeContinue();
}

/**
 * Bytes of plaintext that a request announces.
 *
 * @throws {S3Error} MissingContentLength
 */
export function plainLength(request: S3Request): number {
  const chunked = request.auth.declared?.payload.kind === 'chunked';
  const name = chunked ? 'x-amz-decoded-content-length' : 'content-length';
  const text = request.header(name);
  if (text === undefined && !chunked && request.header('transfer-encoding') === undefined) return 0;
  if (text === undefined || !/^\d{1,15}$/.test(text)) throw new S3Error('MissingContentLength');
  return Number(text);
}

/** A body that is its plaintext. */
class PlainBody implements RequestBody {
  readonly trailer = NO_TRAILER;
  readonly length: number;
  readonly #incoming: IncomingBody;
  readonly #auth: Authentication;
  readonly #hash: Hash | undefined;
  #read = 0;

  constructor(request: S3Request, length: number) {
    this.length = length;
    this.#incoming = new IncomingBody(request.incoming);
    this.#auth = request.auth;
    this.#hash = request.auth.declared?.payload.kind === 'sha256' ? createHash('sha256') : undefined;
  }

  async next(): Promise<Buffer[] | undefined> {
    const pieces = await this.#incoming.next();
    if (!pieces) {
      this.#end();
      return undefined;
    }
    for (const piece of pieces) {
      this.#hash?.update(piece);
      this.#read += piece.length;
    }
    if (this.#read > this.length) throw new S3Error('IncompleteBody');
    return pieces;
  }

  #end(): void {
    if (this.#read !== this.length) throw new S3Error('IncompleteBody');
    if (this.#hash) checkBody(this.#auth, this.#hash.digest('hex'));
  }
}

/** A body in aws-chunked encoding. */
class ChunkedBody implements RequestBody {
  trailer = NO_TRAILER;
  readonly length: number;
  readonly #incoming: IncomingBody;
  readonly #decoder: ChunkedDecoder;

  constructor(request: S3Request, length: number, payload: { signed: boolean; trailer: boolean }) {
    this.length = length;
    this.#incoming = new IncomingBody(request.incoming);
    this.#decoder = new ChunkedDecoder({
      trailer: payload.trailer,
      decodedLength: length,
      ...(payload.signed ? { signatures: new ChunkSignatures(request.auth, request.signingKey) } : {}),
    });
  }

  async next(): Promise<Buffer[] | undefined> {
    const pieces = await this.#incoming.next();
    if (pieces) return pieces.flatMap((piece) => this.#decoder.push(piece));
    this.trailer = this.#decoder.end();
    return undefined;
  }
}
