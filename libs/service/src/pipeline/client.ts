import type { CallCredentials, ChannelCredentials } from '@grpc/grpc-js';
import { KeysteadError } from '@keystead/errors';
import type { Address } from '../config.js';
import { touched } from '../forget.js';
import { channelCredentials } from '../identity/credentials.js';
import type { Trust } from '../identity/tls.js';
import { clientSpan } from '../telemetry.js';
import { Entry, type CallOptions } from './entry.js';
import {
  defaultTimeoutMs,
  maxInFlight,
  type PipelineMethod,
  type Success,
  type Tagged,
  type ValueOf,
} from './frames.js';
import { Lane, type LaneOwner } from './lane.js';
import { isFixed, resolveAddresses } from './resolve.js';
import { Sweep } from './sweep.js';

export type { CallOptions } from './entry.js';

export interface PipelineClientOptions<Operation extends Tagged, Outcome extends Tagged> {
  /** For example `HsmServiceService.pipeline`. */
  readonly method: PipelineMethod<Operation, Outcome>;
  /** host:port, or several separated by commas. A name is looked up again and again: one stream for each address behind it. */
  readonly address: Address;
  readonly tls: Trust;
  /** What proves the caller when a stream is opened, where certificates do not. */
  readonly credentials?: StreamCredentials | undefined;
  /** The service's name in our trust domain ("hsm-service"), or a whole spiffe:// id; compared exactly. */
  readonly expected: string;
  /** Operations that may be sent twice (pure cryptography, reads): retried once when their stream breaks. Default none. */
  idempotent?(operation: Operation): boolean;
  /** Unanswered calls of one stream; when all streams are full a call fails with Throttling. Default 1,024. */
  readonly maxInFlight?: number;
  /** Largest single call, in bytes; default 4 MiB (what grpc-js reads). */
  readonly maxMessageBytes?: number;
  /** A stream is replaced after about this time; default an hour. */
  readonly maxAgeMs?: number;
  /** How long a call waits for a connection before it fails with Unavailable; default 1,500. */
  readonly patienceMs?: number;
  /** Asked each time when an address is connected: calls go there once it resolves; when it rejects it is asked again, after Unavailable soon. */
  admit?(address: Address): Promise<void>;
  /** True for an error that another replica need not have: an idempotent call goes to each of them before it fails. */
  elsewhere?(error: KeysteadError): boolean;
}

export interface StreamCredentials {
  /** For streams to this address. */
  at(address: Address): CallCredentials;
  /** Calls `listener` when there are others: every stream is then opened anew. Returns how to stop that. */
  onChange(listener: () => void): () => void;
}

export interface PipelineClient<Operation extends Tagged, Outcome extends Tagged> {
  /**
   * Sends an operation with the next frame. Rejects with the KeysteadError that the service threw, or Unavailable (no
   * connection, or the stream broke), DeadlineExceeded, Cancelled, Throttling, RequestTooLarge.
   */
  call(operation: Operation, options?: CallOptions): Promise<Success<Outcome>>;
  /** The same with the case and its message apart; answers with the message of the same case. */
  request<Case extends Operation['$case']>(
    $case: Case,
    value: ValueOf<Operation, Case>,
    options?: CallOptions,
  ): Promise<ValueOf<Outcome, Case>>;
  /** True while at least one stream is open. */
  readonly ready: boolean;
  /** The addresses behind the name, whether they answer or not. */
  readonly addresses: readonly Address[];
  /** Waits for a stream; rejects with Unavailable after `timeoutMs`. */
  waitForReady(timeoutMs: number): Promise<void>;
  /** Calls in flight fail with Unavailable. */
  close(): void;
  [Symbol.dispose](): void;
}

/** A client of an `rpc Pipeline` that coalesces all concurrent calls of this process onto one stream per address. */
export function pipelineClient<Operation extends Tagged, Outcome extends Tagged>(
  options: PipelineClientOptions<Operation, Outcome>,
): PipelineClient<Operation, Outcome> {
  return new Lanes(options);
}

const lookupEveryMs = 10_000;
/** How long a replica that sent a call elsewhere is asked only when no other is there. */
const restMs = 1_000;

class Lanes<Operation extends Tagged, Outcome extends Tagged>
  implements PipelineClient<Operation, Outcome>, LaneOwner<Operation, Outcome>
{
  readonly method: PipelineMethod<Operation, Outcome>;
  readonly credentials: ChannelCredentials;
  readonly maxMessageBytes: number;
  readonly maxAgeMs: number;
  readonly #options: PipelineClientOptions<Operation, Outcome>;
  readonly #limit: number;
  readonly #patienceMs: number;
  /** The lane in use for each address. */
  readonly #lanes = new Map<Address, Lane<Operation, Outcome>>();
  /** Lanes that connect, to take another's place once they are ready. */
  readonly #successors = new Map<Lane<Operation, Outcome>, Lane<Operation, Outcome>>();
  readonly #retired = new Set<Lane<Operation, Outcome>>();
  /** Calls that wait for a connection, and until when. */
  readonly #waiting = new Map<Entry<Operation, Outcome>, number>();
  readonly #whenReady = new Set<() => void>();
  readonly #sweep = new Sweep(50, (now) => this.#expire(now));
  readonly #timer: NodeJS.Timeout;
  readonly #stopWatching: () => void;
  #lastLookup = 0;
  #closed = false;

  constructor(options: PipelineClientOptions<Operation, Outcome>) {
    this.#options = options;
    this.method = options.method;
    this.maxMessageBytes = options.maxMessageBytes ?? 4 << 20;
    this.maxAgeMs = options.maxAgeMs ?? 60 * 60_000;
    this.#limit = options.maxInFlight ?? maxInFlight;
    this.#patienceMs = options.patienceMs ?? 1_500;
    this.credentials = channelCredentials(options.tls, options.expected);
    const watched = [options.tls, options.credentials].map((source) => source?.onChange(() => this.#replaceAll()));
    this.#stopWatching = () => watched.forEach((stop) => stop?.());
    this.#timer = setInterval(() => this.#upkeep(), Math.min(lookupEveryMs, this.maxAgeMs)).unref();
    void this.#lookUp();
  }

  get ready(): boolean {
    for (const lane of this.#lanes.values()) if (lane.state === 'ready') return true;
    return false;
  }

  get addresses(): readonly Address[] {
    return [...this.#lanes.keys()];
  }

  call(operation: Operation, options: CallOptions = {}): Promise<Success<Outcome>> {
    return this.#start(operation, options, false) as Promise<Success<Outcome>>;
  }

  request<Case extends Operation['$case']>(
    $case: Case,
    value: ValueOf<Operation, Case>,
    options: CallOptions = {},
  ): Promise<ValueOf<Outcome, Case>> {
    return this.#start({ $case, value } as Tagged as Operation, options, true);
  }

  #start(operation: Operation, options: CallOptions, unwrap: boolean): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (options.signal?.aborted) return reject(new KeysteadError('Cancelled', 'The call was cancelled.'));
      const now = Date.now();
      touched();
      const how = {
        deadline: now + (options.timeoutMs ?? defaultTimeoutMs),
        idempotent: this.#options.idempotent?.(operation) ?? false,
        span: clientSpan(operation.$case),
        unwrap,
      };
      const entry = new Entry<Operation, Outcome>(operation, options, how, resolve, reject, this.#cancel);
      this.#dispatch(entry, now);
    });
  }

  #dispatch(entry: Entry<Operation, Outcome>, now: number): void {
    if (this.#closed) return entry.fail(unavailable('the client is closed'));
    const lane = this.#leastBusy(entry, now);
    if ((lane?.inFlight ?? this.#waiting.size) >= this.#limit)
      return entry.fail(new KeysteadError('Throttling', 'Rate exceeded'));
    this.#sweep.start();
    if (!lane) return void this.#waiting.set(entry, Math.min(entry.deadline, now + this.#patienceMs));
    try {
      lane.send(entry, now);
    } catch (error) {
      entry.fail(
        error instanceof KeysteadError
          ? error
          : new KeysteadError('Internal', 'The request cannot be encoded.', { cause: error }),
      );
    }
  }

  #leastBusy(entry: Entry<Operation, Outcome>, now: number): Lane<Operation, Outcome> | undefined {
    let best: Lane<Operation, Outcome> | undefined;
    for (const lane of this.#lanes.values()) {
      if (lane.state !== 'ready' || entry.refusedBy?.has(lane)) continue;
      if (best === undefined || busier(best, lane, now)) best = lane;
    }
    return best;
  }

  readonly #cancel = (entry: Entry<Operation, Outcome>): void => {
    this.#giveUp(entry, new KeysteadError('Cancelled', 'The call was cancelled.'));
  };

  #giveUp(entry: Entry<Operation, Outcome>, error: KeysteadError): void {
    this.#waiting.delete(entry);
    entry.lane?.cancel(entry);
    entry.fail(error);
  }

  /** Deadlines of all calls, in one pass. */
  #expire(now: number): boolean {
    let left = this.#waiting.size > 0;
    for (const [entry, until] of this.#waiting) {
      if (until <= now)
        this.#giveUp(
          entry,
          until === entry.deadline ? tooLate() : unavailable(`${this.#options.expected} does not answer`),
        );
    }
    for (const lane of this.#everyLane()) {
      for (const entry of lane.entries()) {
        left = true;
        if (entry.deadline <= now) this.#giveUp(entry, tooLate());
      }
    }
    return left;
  }

  *#everyLane(): Generator<Lane<Operation, Outcome>> {
    yield* this.#lanes.values();
    yield* this.#retired;
  }

  // What lanes report.

  opened(lane: Lane<Operation, Outcome>): void {
    const old = this.#successors.get(lane);
    if (old) {
      this.#successors.delete(lane);
      if (this.#lanes.get(lane.address) !== old) return lane.retire();
      this.#lanes.set(lane.address, lane);
      this.#retire(old);
    }
    const now = Date.now();
    const calls = [...this.#waiting.keys()];
    this.#waiting.clear();
    for (const entry of calls) this.#dispatch(entry, now);
    for (const resolve of this.#whenReady) resolve();
    this.#whenReady.clear();
  }

  callCredentials(address: Address): CallCredentials | undefined {
    return this.#options.credentials?.at(address);
  }

  admit(address: Address): Promise<void> | undefined {
    return this.#options.admit?.(address);
  }

  refused(lane: Lane<Operation, Outcome>, entry: Entry<Operation, Outcome>, error: KeysteadError): void {
    if (!entry.idempotent || !this.#options.elsewhere?.(error)) return entry.fail(error);
    const now = Date.now();
    lane.restUntil = now + restMs;
    entry.lane = undefined;
    (entry.refusedBy ??= new Set()).add(lane);
    if (this.#leastBusy(entry, now)) this.#dispatch(entry, now);
    else entry.fail(error);
  }

  leaving(lane: Lane<Operation, Outcome>): void {
    if (this.#lanes.get(lane.address) === lane) this.#lanes.set(lane.address, new Lane(lane.address, this));
    this.#retire(lane);
  }

  broken(lane: Lane<Operation, Outcome>, calls: Entry<Operation, Outcome>[], reason: string | KeysteadError): void {
    if (lane.state === 'retired') this.#retired.delete(lane);
    const now = Date.now();
    for (const entry of calls) {
      entry.lane = undefined;
      if (typeof reason !== 'string') entry.fail(reason);
      else if (!entry.idempotent || entry.retried) entry.fail(unavailable(reason));
      else {
        entry.retried = true;
        this.#dispatch(entry, now);
      }
    }
    if (now - this.#lastLookup > 1_000) void this.#lookUp();
  }

  // Which lanes there are.

  async #lookUp(): Promise<void> {
    const { address } = this.#options;
    if (this.#lastLookup > 0 && isFixed(address)) return;
    this.#lastLookup = Date.now();
    const found = await resolveAddresses(address);
    if (this.#closed) return;
    if (found.length > 0) this.#follow(found);
    else if (this.#lanes.size === 0) setTimeout(() => void this.#lookUp(), 200).unref();
  }

  #follow(found: Address[]): void {
    for (const [address, lane] of this.#lanes) {
      if (found.includes(address)) continue;
      this.#lanes.delete(address);
      this.#retire(lane);
    }
    for (const address of found) if (!this.#lanes.has(address)) this.#lanes.set(address, new Lane(address, this));
  }

  #upkeep(): void {
    void this.#lookUp();
    const now = Date.now();
    for (const lane of this.#lanes.values()) if (lane.tooOld(now)) this.#replace(lane);
  }

  #replaceAll(): void {
    for (const lane of this.#lanes.values()) if (lane.state === 'ready') this.#replace(lane);
  }

  /** The old lane goes on until the new one is open. */
  #replace(lane: Lane<Operation, Outcome>): void {
    for (const old of this.#successors.values()) if (old === lane) return;
    this.#successors.set(new Lane(lane.address, this), lane);
  }

  #retire(lane: Lane<Operation, Outcome>): void {
    this.#retired.add(lane);
    lane.retire();
  }

  waitForReady(timeoutMs: number): Promise<void> {
    if (this.ready) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#whenReady.delete(done);
        reject(unavailable(`${this.#options.expected} does not answer`));
      }, timeoutMs);
      this.#whenReady.add(done);
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopWatching();
    clearInterval(this.#timer);
    this.#sweep.stop();
    for (const lane of [...this.#everyLane(), ...this.#successors.keys()]) lane.close();
    for (const entry of this.#waiting.keys()) entry.fail(unavailable('the client is closed'));
    this.#waiting.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Whether `other` is the better choice: lanes that rest come last, then the number of calls in flight decides. */
function busier<Operation extends Tagged, Outcome extends Tagged>(
  lane: Lane<Operation, Outcome>,
  other: Lane<Operation, Outcome>,
  now: number,
): boolean {
  const [rests, otherRests] = [lane.restUntil > now, other.restUntil > now];
  return rests === otherRests ? other.inFlight < lane.inFlight : rests;
}

const tooLate = (): KeysteadError => new KeysteadError('DeadlineExceeded', 'The time for the call ran out.');
const unavailable = (why: string): KeysteadError =>
  new KeysteadError('Unavailable', `The service cannot be reached: ${why}.`);
