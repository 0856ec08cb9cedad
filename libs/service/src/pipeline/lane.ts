import {
  Client,
  connectivityState,
  status,
  type CallCredentials,
  type ChannelCredentials,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { fromWire, KeysteadError, type ErrorOnWire } from '@keystead/errors';
import { channelOptions } from '../client.js';
import type { Address } from '../config.js';
import { fromGrpcError } from '../errors.js';
import { touched } from '../forget.js';
import type { Entry } from './entry.js';
import { FrameQueue, joined, type PipelineMethod, type ResponseFrame, type Tagged } from './frames.js';

/** What a lane needs of its client. */
export interface LaneOwner<Operation extends Tagged, Outcome extends Tagged> {
  readonly method: PipelineMethod<Operation, Outcome>;
  readonly credentials: ChannelCredentials;
  readonly maxMessageBytes: number;
  readonly maxAgeMs: number;
  /** Whether calls may go there: rejects when not; undefined when nobody asks. */
  admit(address: Address): Promise<void> | undefined;
  /** What proves the caller to the service at this address, if a certificate does not. */
  callCredentials(address: Address): CallCredentials | undefined;
  /** The lane takes calls. */
  opened(lane: Lane<Operation, Outcome>): void;
  /** A call was answered with an error. */
  refused(lane: Lane<Operation, Outcome>, entry: Entry<Operation, Outcome>, error: KeysteadError): void;
  /** The server asked to go elsewhere, or the stream is old: make another. */
  leaving(lane: Lane<Operation, Outcome>): void;
  /** The stream broke, ended or, with an error for the calls, was refused; `calls` are without an answer. */
  broken(lane: Lane<Operation, Outcome>, calls: Entry<Operation, Outcome>[], reason: string | KeysteadError): void;
}

/** Steps between attempts when a server accepts the connection but not the stream, or cannot be asked for admission. */
const backoffMs = [50, 100, 200] as const;
/** Until a service that refused our credentials is asked again. */
const reproveMs = 1_000;
/** Until an address that was refused is asked again. */
const readmitMs = 1_000;

/** One stream to one address: connects, carries calls, and connects again until it is retired. */
export class Lane<Operation extends Tagged, Outcome extends Tagged> {
  readonly address: Address;
  state: 'connecting' | 'ready' | 'retired' = 'connecting';
  /** Until then others are preferred. */
  restUntil = 0;
  readonly #owner: LaneOwner<Operation, Outcome>;
  readonly #client: Client;
  readonly #entries = new Map<number, Entry<Operation, Outcome>>();
  readonly #out = new FrameQueue<Buffer>(joined, (frame) => this.#stream?.write(frame));
  #stream: ClientDuplexStream<Buffer, ResponseFrame<Outcome>> | undefined;
  #lastId = 0;
  #failures = 0;
  #openedAt = 0;
  #maxAgeMs: number;
  #closed = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(address: Address, owner: LaneOwner<Operation, Outcome>) {
    this.address = address;
    this.#owner = owner;
    // Spread, so that not all streams of a cluster move in the same minute.
    this.#maxAgeMs = owner.maxAgeMs * (0.9 + Math.random() * 0.2);
    this.#client = new Client(address, owner.credentials, { ...channelOptions, 'grpc.use_local_subchannel_pool': 1 });
    this.#connect();
  }

  get inFlight(): number {
    return this.#entries.size;
  }

  /** Sends a call with the next frame; throws RequestTooLarge when the server would not read it. */
  send(entry: Entry<Operation, Outcome>, now: number): void {
    const id = this.#nextId();
    const { operation, context, traceParent } = entry;
    const call = { id, deadlineMs: Math.max(1, entry.deadline - now), context, traceParent, operation };
    const bytes = this.#owner.method.requestSerialize({ calls: [call], cancels: [], drain: false });
    if (bytes.length > this.#owner.maxMessageBytes)
      throw new KeysteadError('RequestTooLarge', 'The request is larger than the service reads.');
    entry.id = id;
    entry.lane = this;
    entry.sent = true;
    this.#entries.set(id, entry);
    this.#out.push(bytes);
  }

  /** Forgets a call that nobody waits for and tells the server. */
  cancel(entry: Entry<Operation, Outcome>): void {
    if (!this.#entries.delete(entry.id) || this.state === 'retired') return;
    this.#out.push(this.#owner.method.requestSerialize({ calls: [], cancels: [entry.id], drain: false }));
  }

  /** Calls in flight, oldest first. */
  entries(): IterableIterator<Entry<Operation, Outcome>> {
    return this.#entries.values();
  }

  tooOld(now: number): boolean {
    return this.state === 'ready' && now - this.#openedAt > this.#maxAgeMs;
  }

  /** No more calls: what is in flight is answered, then the stream ends. */
  retire(): void {
    if (this.state === 'retired') return;
    this.state = 'retired';
    if (!this.#stream) return this.close();
    this.#out.push(this.#owner.method.requestSerialize({ calls: [], cancels: [], drain: true }));
    this.#out.flush();
    this.#out.clear();
    this.#stream.end();
  }

  /** Ends at once; calls in flight are handed back to the owner. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.state = 'retired';
    clearTimeout(this.#retry);
    this.#stream?.cancel();
    this.#lose('the client was closed');
    this.#client.close();
  }

  #connect(): void {
    if (this.#closed) return;
    const channel = this.#client.getChannel();
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) return this.#enter();
    if (state === connectivityState.SHUTDOWN) return;
    channel.watchConnectivityState(state, Infinity, () => this.#connect());
  }

  #enter(): void {
    const admission = this.#owner.admit(this.address);
    if (!admission) return this.#open();
    admission.then(
      () => this.#open(),
      (error: unknown) => this.#notAdmitted(error),
    );
  }

  /** Whoever admits has a connection of its own, which may come back later than ours: calls that wait have no second for it. */
  #notAdmitted(error: unknown): void {
    if (this.#closed) return;
    const unreached = error instanceof KeysteadError && error.code === 'Unavailable';
    this.#retry = setTimeout(() => this.#connect(), unreached ? this.#backoff() : readmitMs);
  }

  #open(): void {
    if (this.#closed) return;
    const { method } = this.#owner;
    const asIs = (bytes: Buffer): Buffer => bytes;
    const credentials = this.#owner.callCredentials(this.address);
    const options = credentials ? { credentials } : {};
    const stream = this.#client.makeBidiStreamRequest(
      method.path,
      asIs,
      (bytes) => method.responseDeserialize(bytes),
      options,
    );
    this.#stream = stream;
    stream.on('data', (frame: ResponseFrame<Outcome>) => this.#frame(frame));
    stream.on('error', (error: ServiceError) => this.#ended(stream, error));
    stream.on('end', () => this.#ended(stream));
    this.#openedAt = Date.now();
    this.state = 'ready';
    this.#owner.opened(this);
  }

  #frame(frame: ResponseFrame<Outcome>): void {
    this.#failures = 0;
    if (frame.results.length > 0) touched();
    for (const { id, outcome } of frame.results) {
      const entry = this.#entries.get(id);
      if (!entry) continue; // cancelled meanwhile
      this.#entries.delete(id);
      if (outcome?.$case === 'error') this.#owner.refused(this, entry, fromWire(outcome.value as ErrorOnWire));
      else deliver(entry, outcome);
    }
    if (frame.drain && this.state === 'ready') this.#owner.leaving(this);
  }

  #ended(stream: ClientDuplexStream<Buffer, ResponseFrame<Outcome>>, error?: ServiceError): void {
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    const retired = this.state === 'retired';
    if (!retired) this.state = 'connecting';
    const unproven = error?.code === status.UNAUTHENTICATED;
    if (unproven) this.#lose(fromGrpcError(error));
    else this.#lose(error ? `${status[error.code]}: ${error.details}` : 'the service ended the stream');
    if (retired) return this.close();
    this.#retry = setTimeout(() => this.#connect(), unproven ? reproveMs : this.#backoff());
  }

  #backoff(): number {
    return backoffMs[Math.min(this.#failures++, backoffMs.length - 1)] as number;
  }

  #lose(reason: string | KeysteadError): void {
    this.#out.clear();
    const calls = [...this.#entries.values()];
    this.#entries.clear();
    this.#owner.broken(this, calls, reason);
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) >>> 0;
    while (this.#entries.has(this.#lastId));
    return this.#lastId;
  }
}

function deliver<Operation extends Tagged, Outcome extends Tagged>(
  entry: Entry<Operation, Outcome>,
  outcome: Outcome | undefined,
): void {
  if (outcome === undefined)
    return entry.fail(new KeysteadError('Internal', 'The service answered in a way that this version does not know.'));
  if (entry.unwrap && outcome.$case !== entry.operation.$case)
    return entry.fail(new KeysteadError('Internal', 'The service answered another question.'));
  entry.succeed(outcome);
}
