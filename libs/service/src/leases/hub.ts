import type { handleBidiStreamingCall, ServerDuplexStream } from '@grpc/grpc-js';
import { KeysteadError } from '@keystead/errors';
import type { WatchRequest, WatchResponse } from '@keystead/proto/common';
import type { Peer } from '../identity/spiffe.js';
import type { Logger } from '../logger.js';
import { peerOf, serverOf } from '../server/callState.js';

/** How long a cache may serve after it confirmed that it knows everything; see `LeaseHub.acknowledged`. */
export const leaseMs = 1_000;
/** A subscriber's own reckoning is shorter, so that two clocks that run differently do no harm. */
export const subscriberLeaseMs = 950;
export const heartbeatMs = 250;
const maxKeys = 1_000;

export interface LeaseHubOptions {
  /** Reads the owner's change sequence: the counter row that every change updates in its own transaction. */
  sequence(): Promise<bigint>;
  /**
   * How many processes may own this schema at a time (KEYSTEAD_REPLICAS, default 1). With more than one, a restricting
   * change waits for the whole lease: subscribers of the other replicas confirm to them, not to us.
   */
  readonly replicas: number;
  readonly log: Logger;
  /** Who may watch; default every service. */
  allow?(peer: Peer): boolean;
}

interface Subscriber {
  readonly stream: ServerDuplexStream<WatchRequest, WatchResponse>;
  readonly name: string;
  /** Confirmed by the subscriber. */
  applied: bigint;
  /** Last told to it. */
  told: bigint;
  /** Events sent to it, and how many of them it has confirmed; a heartbeat goes out only when these are equal. */
  sent: number;
  confirmed: number;
  /** No cache behind this subscription serves after this (performance.now). */
  leaseUntil: number;
  gone: boolean;
}

/**
 * The owner's side of leased caches. A heartbeat goes only to a subscriber that has confirmed everything before it, and
 * only after the counter row was read and had not moved; so a cache that counts its second from its own last confirmation
 * never outlives what the hub reckons here, however long a heartbeat was under way.
 */
export class LeaseHub {
  readonly #options: LeaseHubOptions;
  readonly #subscribers = new Set<Subscriber>();
  readonly #waiters = new Set<() => void>();
  #sequence: bigint | undefined;
  #polling = false;
  #timer: NodeJS.Timeout | undefined;
  /** Leases that an earlier process of this service gave have run out by then. */
  readonly #notBefore = performance.now() + leaseMs;

  constructor(options: LeaseHubOptions) {
    this.#options = options;
  }

  /** The handler of `ChangeService.Watch`. */
  readonly watch: handleBidiStreamingCall<WatchRequest, WatchResponse> = (stream) => {
    const peer = peerOf(stream);
    if (!(this.#options.allow?.(peer) ?? peer.kind === 'service'))
      throw new KeysteadError('AccessDenied', 'This peer may not watch changes.');
    let subscriber: Subscriber | undefined;
    stream.on('data', (request: WatchRequest) => {
      if (subscriber) this.#confirmed(subscriber, request);
      else subscriber = this.#joined(stream, request.subscriber);
    });
    const left = (): void => {
      if (subscriber) subscriber.gone = true;
      stream.end();
    };
    stream.on('end', left).on('cancelled', left).on('error', left);
    serverOf(stream).closing.addEventListener('abort', left, { once: true });
  };

  /** A change of this process was committed: `keys` are void in every cache. Call it at once after the commit. */
  changed(sequence: bigint, keys: readonly string[]): void {
    // A number left out means that another replica changed something that is not in `keys`.
    const known = this.#sequence !== undefined && sequence === this.#sequence + 1n && keys.length <= maxKeys;
    // The poll may have seen this number already; whoever heard of it then has forgotten everything.
    const noted = this.#sequence !== undefined && sequence <= this.#sequence;
    if (!noted) this.#sequence = sequence;
    const everything = noted ? keys.length > maxKeys : !known;
    if (everything || keys.length > 0) this.#tell(keys, everything);
  }

  /**
   * Resolves when no cache serves what was before `sequence`: every subscriber has confirmed it, or its lease has run
   * out. At most `leaseMs` after the commit. A restricting change is acknowledged to its caller only after this.
   */
  async acknowledged(sequence: bigint): Promise<void> {
    const begun = performance.now();
    for (;;) {
      const until = this.#servedUntil(sequence, begun);
      const left = until - performance.now();
      if (left <= 0) return;
      await this.#confirmation(left);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const { stream } of this.#subscribers) stream.end();
    this.#subscribers.clear();
  }

  /** Until when some cache may serve what was before `sequence` (performance.now); 0 when none does. */
  #servedUntil(sequence: bigint, begun: number): number {
    let until = this.#notBefore;
    if (this.#options.replicas > 1) until = Math.max(until, begun + leaseMs);
    for (const subscriber of this.#subscribers) {
      if (subscriber.applied < sequence) until = Math.max(until, subscriber.leaseUntil);
    }
    return until;
  }

  /** Waits for the next confirmation, at most `ms`. */
  #confirmation(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, Math.ceil(ms));
      this.#waiters.add(done);
    });
  }

  #joined(stream: ServerDuplexStream<WatchRequest, WatchResponse>, name: string): Subscriber {
    const subscriber = { stream, name, applied: 0n, told: 0n, sent: 0, confirmed: 0, leaseUntil: 0, gone: false };
    this.#subscribers.add(subscriber);
    this.#timer ??= setInterval(() => void this.#beat(), heartbeatMs).unref();
    void this.#beat();
    return subscriber;
  }

  #confirmed(subscriber: Subscriber, { appliedSequence }: WatchRequest): void {
    subscriber.confirmed = Math.min(subscriber.sent, subscriber.confirmed + 1);
    // It cannot have applied what it was not told.
    if (appliedSequence > subscriber.applied && appliedSequence <= subscriber.told)
      subscriber.applied = appliedSequence;
    for (const wake of [...this.#waiters]) wake();
  }

  async #beat(): Promise<void> {
    this.#forget();
    if (this.#polling || this.#subscribers.size === 0) return;
    this.#polling = true;
    try {
      // Who had confirmed everything before the row was read; the heartbeat that follows renews the lease of these only.
      const idle = [...this.#subscribers]
        .filter(({ gone, sent, confirmed }) => !gone && sent === confirmed)
        .map((one) => ({ one, sent: one.sent }));
      const before = this.#sequence;
      const now = await this.#options.sequence();
      if (this.#sequence === undefined || now > this.#sequence) {
        this.#sequence = now;
        if (before !== undefined) this.#tell([], true);
      }
      // Those who were told just now have one more event sent, and wait for the next beat.
      for (const { one, sent } of idle) if (one.sent === sent) this.#heartbeat(one);
    } catch (error) {
      this.#options.log.warn(
        { err: error },
        'the change sequence cannot be read; caches of other services stop serving',
      );
    } finally {
      this.#polling = false;
    }
  }

  #heartbeat(subscriber: Subscriber): void {
    // It may have left while the row was read; the lease of who is gone only runs out.
    if (subscriber.gone) return;
    subscriber.leaseUntil = performance.now() + leaseMs;
    this.#send(subscriber, [], false);
  }

  #tell(keys: readonly string[], everythingChanged: boolean): void {
    for (const subscriber of this.#subscribers)
      this.#send(subscriber, everythingChanged ? [] : keys, everythingChanged);
  }

  #send(subscriber: Subscriber, keys: readonly string[], everythingChanged: boolean): void {
    if (subscriber.gone) return;
    const sequence = this.#sequence ?? 0n;
    subscriber.told = sequence;
    subscriber.sent++;
    subscriber.stream.write({ sequence, changedKeys: [...keys], everythingChanged });
  }

  /** Whoever left may serve until its lease runs out; only then it is forgotten. */
  #forget(): void {
    const now = performance.now();
    for (const subscriber of this.#subscribers)
      if (subscriber.gone && subscriber.leaseUntil <= now) this.#subscribers.delete(subscriber);
    if (this.#subscribers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
