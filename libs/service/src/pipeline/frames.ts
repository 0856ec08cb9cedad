import type { CallContext } from '@keystead/proto/common';
import { touched } from '../forget.js';
import { Sweep } from './sweep.js';

/** At most this many calls or results in a frame. */
export const maxCallsInFrame = 64;
/** At most this many bytes in a frame; one larger call or result travels alone. */
export const maxFrameBytes = 64 * 1024;
/** At most this many calls unanswered on one stream. */
export const maxInFlight = 1_024;
/** What a call without a deadline gets, in ms. */
export const defaultTimeoutMs = 10_000;

/** A stream on which nothing was sent for this long, and at most twice as long, is covered. */
const coverMs = 500;
/** A frame with nothing in it. */
const nothing = Buffer.alloc(0);

/** A member of a ts-proto oneof. */
export interface Tagged {
  $case: string;
  value: unknown;
}

export interface CallFrame<Operation> {
  id: number;
  deadlineMs: number;
  context: CallContext | undefined;
  traceParent: string;
  operation: Operation | undefined;
}

export interface ResultFrame<Outcome> {
  id: number;
  outcome: Outcome | undefined;
}

export interface RequestFrame<Operation> {
  calls: CallFrame<Operation>[];
  cancels: number[];
  drain: boolean;
}

export interface ResponseFrame<Outcome> {
  results: ResultFrame<Outcome>[];
  drain: boolean;
}

/** The generated definition of an `rpc Pipeline`, for example `HsmServiceService.pipeline`; every service has the same shape. */
export interface PipelineMethod<Operation extends Tagged, Outcome extends Tagged> {
  readonly path: string;
  requestSerialize(frame: RequestFrame<Operation>): Buffer;
  requestDeserialize(bytes: Buffer): RequestFrame<Operation>;
  responseSerialize(frame: ResponseFrame<Outcome>): Buffer;
  responseDeserialize(bytes: Buffer): ResponseFrame<Outcome>;
}

/** The outcomes that are not failures. */
export type Success<Outcome extends Tagged> = Exclude<Outcome, { $case: 'error' }>;

/** The message under one case of a oneof. */
export type ValueOf<Union extends Tagged, Case extends string> = Extract<Union, { $case: Case }>['value'];

/**
 * Frames waiting to be written: what is added in one turn of the event loop leaves together, in as few frames as the limits allow.
 *
 * grpc-js keeps the last message that a stream received until the next one begins. It may hold a key, so a stream that
 * falls quiet sends an empty frame behind it.
 */
export class FrameQueue<Part> {
  #parts: Part[] = [];
  #scheduled = false;
  /** Since the last look. */
  #written = false;
  readonly #quiet = new Sweep(coverMs, () => this.#cover());
  readonly #framesOf: (parts: Part[]) => readonly Buffer[];
  readonly #write: (frame: Buffer) => void;

  /** `framesOf` makes frames of one part or more, within the limits. */
  constructor(framesOf: (parts: Part[]) => readonly Buffer[], write: (frame: Buffer) => void) {
    this.#framesOf = framesOf;
    this.#write = write;
  }

  /** Adds one call, result or other part of a frame. */
  push(part: Part): void {
    this.#parts.push(part);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.flush);
  }

  /** Writes what waits. */
  readonly flush = (): void => {
    this.#scheduled = false;
    const parts = this.#parts;
    if (parts.length === 0) return;
    this.#parts = [];
    touched();
    this.#written = true;
    this.#quiet.start();
    for (const frame of this.#framesOf(parts)) this.#write(frame);
  };

  /** Takes out what waits, and writes nothing of its own until there is more. */
  clear(): Part[] {
    const parts = this.#parts;
    this.#parts = [];
    this.#quiet.stop();
    return parts;
  }

  /** Whether there is still something to cover. */
  #cover(): boolean {
    if (!this.#written) this.#write(nothing);
    const again = this.#written;
    this.#written = false;
    return again;
  }
}

/**
 * Frames of parts that are frames themselves: serialized messages of protobuf may simply be concatenated (repeated
 * fields add up), so each is serialized once, alone, and its size is known before it is sent.
 */
export function joined(parts: readonly Buffer[]): Buffer[] {
  const frames: Buffer[] = [];
  let [from, bytes] = [0, 0];
  for (let to = 0; to < parts.length; to++) {
    const size = (parts[to] as Buffer).length;
    if (to > from && (to - from === maxCallsInFrame || bytes + size > maxFrameBytes)) {
      frames.push(join(parts, from, to, bytes));
      from = to;
      bytes = 0;
    }
    bytes += size;
  }
  frames.push(join(parts, from, parts.length, bytes));
  return frames;
}

function join(parts: readonly Buffer[], from: number, to: number, bytes: number): Buffer {
  return to - from === 1 ? (parts[from] as Buffer) : Buffer.concat(parts.slice(from, to), bytes);
}
