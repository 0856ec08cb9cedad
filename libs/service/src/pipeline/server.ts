import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import { asKeysteadError, KeysteadError, toWire } from '@keystead/errors';
import type { CallContext } from '@keystead/proto/common';
import { cut } from '@keystead/proto/serialize';
import { touched } from '../forget.js';
import type { Peer } from '../identity/spiffe.js';
import { callMetrics, type CallMetrics } from '../metrics.js';
import { peerOf, serverOf, type ServerState } from '../server/callState.js';
import { hostOf } from '../server/host.js';
import { serverSpan, type CallSpan } from '../telemetry.js';
import {
  defaultTimeoutMs,
  FrameQueue,
  maxCallsInFrame,
  maxFrameBytes,
  maxInFlight,
  type CallFrame,
  type PipelineMethod,
  type RequestFrame,
  type ResponseFrame,
  type ResultFrame,
  type Success,
  type Tagged,
  type ValueOf,
} from './frames.js';
import { SlowQueue } from './slow.js';
import { Sweep } from './sweep.js';

/** What a handler knows beside the operation. */
export interface PipelineCall {
  /** As sent; whether it may be believed depends on `peer`. */
  readonly context: CallContext | undefined;
  readonly peer: Peer;
  /** The address of the peer's end of the connection, without a port. */
  readonly sourceIp: string;
  /** When the caller stops waiting, in ms since 1970. */
  readonly deadline: number;
  /** Aborted when the caller cancels, the stream breaks, or the deadline passes. */
  readonly signal: AbortSignal;
  /** W3C traceparent as sent, or empty. */
  readonly traceParent: string;
}

export interface PipelineOptions<Operation extends Tagged, Outcome extends Tagged> {
  /** For example `HsmServiceService.pipeline`. */
  readonly method: PipelineMethod<Operation, Outcome>;
  /** Does the work. A KeysteadError is the caller's answer; anything else becomes Internal and its cause goes to the log. */
  handle(operation: Operation, call: PipelineCall): Success<Outcome> | Promise<Success<Outcome>>;
  /** Who may open a stream; default everyone of the trust domain. Others get AccessDenied at once. */
  allow?(peer: Peer): boolean;
  /** Operations that take long (key generation): they have a queue of their own. */
  slow?(operation: Operation): boolean;
  /** Slow operations at work at a time; default 2. */
  readonly slowConcurrency?: number;
  /** Unanswered calls of one stream; beyond it Throttling. Default 1,024. */
  readonly maxInFlight?: number;
}

/** The handler of an `rpc Pipeline`: many concurrent calls on one stream, answered in any order. */
export function pipeline<Operation extends Tagged, Outcome extends Tagged>(
  options: PipelineOptions<Operation, Outcome>,
): handleBidiStreamingCall<RequestFrame<Operation>, ResponseFrame<Outcome>> {
  const slow = new SlowQueue(options.slowConcurrency ?? 2, maxInFlight);
  return (stream) => {
    const peer = peerOf(stream);
    if (options.allow && !options.allow(peer))
      throw new KeysteadError('AccessDenied', 'This peer may not use this service.');
    new ServerStream(stream, peer, options, slow);
  };
}

/** One function per case, for `handle`; the answer travels under the same case. */
export type CaseTable<Operation extends Tagged, Outcome extends Tagged> = {
  readonly [Case in Operation['$case']]: (
    request: ValueOf<Operation, Case>,
    call: PipelineCall,
  ) => Promise<ValueOf<Outcome, Case>>;
};

/** Makes a `handle` of a table with a function for each operation; a forgotten one does not compile. */
export function byCase<Operation extends Tagged, Outcome extends Tagged>(
  table: CaseTable<Operation, Outcome>,
): (operation: Operation, call: PipelineCall) => Promise<Success<Outcome>> {
  const handlers = new Map(
    Object.entries(table) as [string, (request: unknown, call: PipelineCall) => Promise<unknown>][],
  );
  return async ({ $case, value }, call) => {
    const handler = handlers.get($case);
    if (!handler) throw new KeysteadError('UnknownOperation', `${$case} is not offered here.`);
    return { $case, value: await handler(value, call) } as Success<Outcome>;
  };
}

/** What becomes of a credential that was good when the stream was opened. */
const ended: ReadonlySet<string> = new Set(['ExpiredToken', 'UnrecognizedClient']);

class ServerStream<Operation extends Tagged, Outcome extends Tagged> {
  readonly peer: Peer;
  readonly sourceIp: string;
  readonly server: ServerState;
  readonly #stream: ServerDuplexStream<RequestFrame<Operation>, ResponseFrame<Outcome>>;
  readonly #options: PipelineOptions<Operation, Outcome>;
  readonly #slow: SlowQueue;
  readonly #metrics: CallMetrics;
  readonly #calls = new Map<number, ServerCall<Operation, Outcome>>();
  readonly #out: FrameQueue<ResultFrame<Outcome>>;
  readonly #sweep = new Sweep(100, (now) => this.#expire(now));
  readonly #limit: number;
  /** The client has yet to be asked to go elsewhere. */
  #leave = false;
  /** The client sends no more calls. */
  #ending = false;
  #closed = false;

  constructor(
    stream: ServerDuplexStream<RequestFrame<Operation>, ResponseFrame<Outcome>>,
    peer: Peer,
    options: PipelineOptions<Operation, Outcome>,
    slow: SlowQueue,
  ) {
    this.peer = peer;
    this.sourceIp = hostOf(stream.getPeer());
    this.server = serverOf(stream);
    this.#stream = stream;
    this.#options = options;
    this.#slow = slow;
    this.#limit = options.maxInFlight ?? maxInFlight;
    this.#metrics = callMetrics(this.server.metrics, 'keystead_calls', 'Calls answered on streams.');
    this.#out = new FrameQueue((parts) => this.#framesOf(parts), this.#write);
    stream.on('data', this.#frame).on('end', this.#end).on('cancelled', this.#close).on('error', this.#close);
    this.server.closing.addEventListener('abort', this.#drain);
    if (this.server.closing.aborted) this.#drain();
  }

  readonly #frame = (frame: RequestFrame<Operation>): void => {
    const arrival = { at: Date.now(), ticks: performance.now() };
    if (frame.calls.length > 0) touched();
    for (const id of frame.cancels) this.#calls.get(id)?.abort('Cancelled');
    for (const call of frame.calls) this.#begin(call, arrival);
    // What is ready leaves in the same write as what HTTP/2 says of the frame itself.
    this.#out.flush();
    if (frame.drain) this.#end();
  };

  #begin(frame: CallFrame<Operation>, arrival: Arrival): void {
    const { operation } = frame;
    const call = new ServerCall(this, frame, arrival);
    if (operation === undefined)
      return call.fail(new KeysteadError('UnknownOperation', 'The call has no operation that this version knows.'));
    if (this.#calls.has(frame.id)) return this.#refuseDuplicate(frame.id);
    if (this.#calls.size >= this.#limit) return call.fail(tooMany());
    if (this.#options.slow?.(operation)) return this.#queue(call, operation);
    call.run(this.#options, operation);
    if (!call.settled) this.#keep(call);
  }

  #queue(call: ServerCall<Operation, Outcome>, operation: Operation): void {
    this.#keep(call);
    const job = (): void => {
      call.slow = this.#slow;
      call.run(this.#options, operation);
    };
    if (!this.#slow.enter(job)) call.fail(tooMany());
  }

  /** A call that is answered later can be cancelled, and has a deadline. */
  #keep(call: ServerCall<Operation, Outcome>): void {
    this.#calls.set(call.id, call);
    this.#sweep.start();
  }

  /** An id twice in flight leaves no way to tell the answers apart: the client is broken. */
  #refuseDuplicate(id: number): void {
    this.server.log.error({ id, peer: this.peer }, 'a client used a call id twice');
    this.#stream.emit(
      'error',
      Object.assign(new Error('duplicate call id'), { code: 3, details: 'duplicate call id' }),
    );
    this.#close();
  }

  /** Sends the answer of a call, once. */
  settle(call: ServerCall<Operation, Outcome>, outcome: Outcome | Success<Outcome>, errorCode: string): void {
    this.#metrics.done(call.name, errorCode, (performance.now() - call.startedAt) / 1_000);
    if (this.#calls.get(call.id) === call) this.#calls.delete(call.id);
    if (this.#closed) return;
    this.#out.push({ id: call.id, outcome });
    // A stream whose credential has ended answers nothing else any more: the client shall open one with another.
    if (this.peer.kind === 'signer' && ended.has(errorCode)) this.#drain();
    if (this.#ending && this.#calls.size === 0) this.#finish();
  }

  /** Results are encoded together, which saves each of them three pieces of memory; what comes out too long is cut. */
  #framesOf(results: readonly ResultFrame<Outcome>[]): Buffer[] {
    const frames: Buffer[] = [];
    for (let from = 0; from < results.length; from += maxCallsInFrame) {
      const frame = this.#encode(results.slice(from, from + maxCallsInFrame));
      if (frame.length <= maxFrameBytes) frames.push(frame);
      else frames.push(...cut(frame, maxFrameBytes));
    }
    if (this.#leave && frames.length > 0) frames.push(Buffer.concat([frames.pop() as Buffer, this.#takeLeave()]));
    return frames;
  }

  /** Asks the client to go elsewhere: a frame, or the end of one, since fields of a message may come one after another. */
  #takeLeave(): Buffer {
    this.#leave = false;
    return this.#options.method.responseSerialize({ results: [], drain: true });
  }

  #encode(results: ResultFrame<Outcome>[]): Buffer {
    try {
      return this.#options.method.responseSerialize({ results, drain: false });
    } catch (error) {
      const [result, another] = results;
      if (result?.outcome?.$case === 'error' && !another) throw error;
      if (result && !another) return this.#encode([this.#unencodable(result, error)]);
      return Buffer.concat(results.map((each) => this.#encode([each])));
    }
  }

  /** Others in the same frame are not to suffer for an answer that its handler made wrong. */
  #unencodable({ id }: ResultFrame<Outcome>, cause: unknown): ResultFrame<Outcome> {
    const error = asKeysteadError(cause);
    this.server.log.error({ err: cause, errorId: error.details['error-id'] }, 'an answer cannot be encoded');
    return { id, outcome: errorOutcome(error) as Outcome };
  }

  readonly #write = (frame: Buffer): void => {
    if (this.#closed) return;
    // serve() lets frames pass that are bytes already. A client that does not read its answers may not send more calls.
    if (this.#stream.write(frame as unknown as ResponseFrame<Outcome>)) return;
    this.#stream.pause();
    this.#stream.once('drain', () => this.#stream.resume());
  };

  /** The server closes: the client shall go elsewhere. What it still sends until it has heard is answered. */
  readonly #drain = (): void => {
    if (this.#closed) return;
    this.#leave = true;
    this.#out.flush();
    this.#leaveWithoutAnswers();
  };

  #leaveWithoutAnswers(): void {
    if (this.#leave) this.#write(this.#takeLeave());
  }

  readonly #end = (): void => {
    this.#ending = true;
    if (this.#calls.size === 0) this.#finish();
  };

  #finish(): void {
    if (this.#closed) return;
    this.#out.flush();
    this.#stream.end();
    this.#close();
  }

  readonly #close = (): void => {
    this.#closed = true;
    this.#sweep.stop();
    this.#framesOf(this.#out.clear()); // for nobody, but what encodes an answer may also overwrite it
    this.server.closing.removeEventListener('abort', this.#drain);
    for (const call of this.#calls.values()) call.abort('Cancelled');
    this.#calls.clear();
  };

  #expire(now: number): boolean {
    for (const call of this.#calls.values()) if (call.deadline <= now) call.abort('DeadlineExceeded');
    return this.#calls.size > 0;
  }
}

/** When a frame came in, which is when its calls began. */
interface Arrival {
  /** In ms since 1970. */
  readonly at: number;
  /** On the clock that never goes back. */
  readonly ticks: number;
}

/** One call at work. */
class ServerCall<Operation extends Tagged, Outcome extends Tagged> implements PipelineCall {
  readonly id: number;
  readonly name: string;
  readonly context: CallContext | undefined;
  readonly traceParent: string;
  readonly deadline: number;
  readonly startedAt: number;
  readonly #stream: ServerStream<Operation, Outcome>;
  /** Set while this call holds a place of the slow queue. */
  slow: SlowQueue | undefined;
  settled = false;
  #abort: AbortController | undefined;
  #span: CallSpan | undefined;

  constructor(stream: ServerStream<Operation, Outcome>, frame: CallFrame<Operation>, arrival: Arrival) {
    this.#stream = stream;
    this.id = frame.id;
    this.name = frame.operation?.$case ?? 'unknown';
    this.context = frame.context;
    this.traceParent = frame.traceParent;
    this.startedAt = arrival.ticks;
    this.deadline = arrival.at + (frame.deadlineMs || defaultTimeoutMs);
  }

  get peer(): Peer {
    return this.#stream.peer;
  }

  get sourceIp(): string {
    return this.#stream.sourceIp;
  }

  /** Made when someone asks: most calls never do. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.settled) this.#abort.abort();
    return this.#abort.signal;
  }

  run(options: PipelineOptions<Operation, Outcome>, operation: Operation): void {
    if (this.settled) return this.#release(); // given up while it waited in the slow queue
    this.#span = serverSpan(this.name, this.traceParent);
    try {
      const outcome = this.#span.run(() => options.handle(operation, this));
      if (outcome instanceof Promise)
        outcome.then(
          (success) => this.#succeed(success),
          (thrown: unknown) => this.fail(thrown),
        );
      else this.#succeed(outcome);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  #succeed(outcome: Success<Outcome>): void {
    this.#release();
    if (this.settled) return;
    this.settled = true;
    this.#span?.end();
    this.#stream.settle(this, outcome, '');
  }

  fail(thrown: unknown): void {
    this.#release();
    if (this.settled) return;
    this.#answer(asKeysteadError(thrown));
  }

  /** Answers for a handler that is still at work; what it returns later is dropped. */
  abort(code: 'Cancelled' | 'DeadlineExceeded'): void {
    if (this.settled) return;
    this.#answer(
      new KeysteadError(code, code === 'Cancelled' ? 'The call was cancelled.' : 'The time for the call ran out.'),
    );
    this.#abort?.abort();
  }

  #answer(error: KeysteadError): void {
    this.settled = true;
    this.#span?.end(error.code);
    if (error.code === 'Internal') this.#log(error);
    this.#stream.settle(this, errorOutcome(error) as Outcome, error.code);
  }

  #log(error: KeysteadError): void {
    const requestId = this.context?.requestId;
    const fields = { err: error.cause ?? error, operation: this.name, requestId, errorId: error.details['error-id'] };
    this.#stream.server.log.error(fields, 'call failed');
  }

  #release(): void {
    const { slow } = this;
    this.slow = undefined;
    slow?.done();
  }
}

function errorOutcome(error: KeysteadError): Tagged {
  return { $case: 'error', value: toWire(error) };
}

const tooMany = (): KeysteadError => new KeysteadError('Throttling', 'Rate exceeded');
