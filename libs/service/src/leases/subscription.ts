import { Client, type ClientDuplexStream } from '@grpc/grpc-js';
import { ChangeServiceService, type WatchRequest, type WatchResponse } from '@keystead/proto/common';
import { channelOptions } from '../client.js';
import type { Address } from '../config.js';
import { channelCredentials } from '../identity/credentials.js';
import type { TlsIdentity } from '../identity/tls.js';
import { subscriberLeaseMs } from './hub.js';

export interface LeaseOptions {
  /** host:port of the owner. */
  readonly address: Address;
  readonly tls: TlsIdentity;
  /** The owner's name, for example "iam-service". */
  readonly expected: string;
  /** Our name in the owner's log. */
  readonly subscriber: string;
}

/** Told which keys are void; undefined means all. */
export type ChangeListener = (keys: readonly string[] | undefined) => void;

/** A subscription to an owner's changes; several caches may share it. */
export interface Lease {
  /** True while everything that was loaded since the subscription began, and not named void, may be served. */
  fresh(): boolean;
  onChange(listener: ChangeListener): () => void;
  close(): void;
}

/** Subscribes to `ChangeService.Watch` and keeps the subscription; while there is none, `fresh` is false. */
export function lease(options: LeaseOptions): Lease {
  return new Subscription(options);
}

const retryMs = 100;

class Subscription implements Lease {
  readonly #options: LeaseOptions;
  readonly #client: Client;
  readonly #listeners = new Set<ChangeListener>();
  #stream: ClientDuplexStream<WatchRequest, WatchResponse> | undefined;
  /** When we last said that we know everything (performance.now): the second counts from here, not from the heartbeat. */
  #confirmedAt = 0;
  #freshUntil = 0;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#client = new Client(options.address, channelCredentials(options.tls, options.expected), channelOptions);
    this.#open();
  }

  fresh(): boolean {
    return performance.now() < this.#freshUntil;
  }

  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed = true;
    this.#freshUntil = 0;
    clearTimeout(this.#retry);
    this.#stream?.cancel();
    this.#client.close();
  }

  #open(): void {
    if (this.#closed) return;
    const { path, requestSerialize, responseDeserialize } = ChangeServiceService.watch;
    const stream = this.#client.makeBidiStreamRequest<WatchRequest, WatchResponse>(
      path,
      requestSerialize,
      responseDeserialize,
    );
    this.#stream = stream;
    let first = true;
    stream.on('data', (event: WatchResponse) => {
      this.#event(stream, event, first);
      first = false;
    });
    stream.on('error', () => this.#ended(stream));
    stream.on('end', () => this.#ended(stream));
    this.#confirm(stream, 0n);
  }

  #event(stream: ClientDuplexStream<WatchRequest, WatchResponse>, event: WatchResponse, first: boolean): void {
    // What happened between two subscriptions is unknown.
    if (first || event.everythingChanged) this.#void(undefined);
    else if (event.changedKeys.length > 0) this.#void(event.changedKeys);
    // A heartbeat was sent after our last confirmation had arrived, so nothing that followed it is missing.
    const heartbeat = !event.everythingChanged && event.changedKeys.length === 0;
    if (heartbeat) this.#freshUntil = this.#confirmedAt + subscriberLeaseMs;
    this.#confirm(stream, event.sequence);
  }

  #confirm(stream: ClientDuplexStream<WatchRequest, WatchResponse>, appliedSequence: bigint): void {
    this.#confirmedAt = performance.now();
    stream.write({ appliedSequence, subscriber: appliedSequence === 0n ? this.#options.subscriber : '' });
  }

  #void(keys: readonly string[] | undefined): void {
    for (const listener of this.#listeners) listener(keys);
  }

  #ended(stream: ClientDuplexStream<WatchRequest, WatchResponse>): void {
    if (this.#stream !== stream) return;
    this.#stream = undefined;
    if (!this.#closed) this.#retry = setTimeout(() => this.#open(), retryMs).unref();
  }
}
