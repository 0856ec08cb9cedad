import type { KeysteadError } from '@keystead/errors';
import type { CallContext } from '@keystead/proto/common';
import type { CallSpan } from '../telemetry.js';
import type { Tagged } from './frames.js';
import type { Lane } from './lane.js';

export interface CallOptions {
  /** In whose name; absent when the peer is to take it from the certificate. */
  readonly context?: CallContext | undefined;
  /** How long to wait for the answer; default 10,000. */
  readonly timeoutMs?: number;
  /** Gives up and tells the service. */
  readonly signal?: AbortSignal | undefined;
  /** W3C traceparent to pass on where this process records no spans itself. */
  readonly traceParent?: string;
}

const neverSent = new WeakSet<Error>();

/** True for the failure of a call that no service has seen, which therefore no service records. */
export function wasNeverSent(error: unknown): boolean {
  return error instanceof Error && neverSent.has(error);
}

/** One call of a pipeline client, from `call` to its answer. */
export class Entry<Operation extends Tagged, Outcome extends Tagged> {
  readonly operation: Operation;
  readonly context: CallContext | undefined;
  readonly traceParent: string;
  readonly deadline: number;
  readonly idempotent: boolean;
  /** Answer with the message under the case instead of the whole outcome. */
  readonly unwrap: boolean;
  /** Where and under which id it is in flight. */
  lane: Lane<Operation, Outcome> | undefined;
  id = 0;
  /** Replicas that could not answer and said that others may. */
  refusedBy: Set<Lane<Operation, Outcome>> | undefined;
  retried = false;
  /** It left this process at least once: the service may have executed it. */
  sent = false;
  settled = false;
  readonly #resolve: (outcome: unknown) => void;
  readonly #reject: (error: KeysteadError) => void;
  readonly #span: CallSpan;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: (() => void) | undefined;

  constructor(
    operation: Operation,
    options: CallOptions,
    { deadline, idempotent, unwrap, span }: { deadline: number; idempotent: boolean; unwrap: boolean; span: CallSpan },
    resolve: (outcome: unknown) => void,
    reject: (error: KeysteadError) => void,
    onAbort: (entry: Entry<Operation, Outcome>) => void,
  ) {
    this.operation = operation;
    this.context = options.context;
    this.traceParent = span.traceParent || (options.traceParent ?? '');
    this.deadline = deadline;
    this.idempotent = idempotent;
    this.unwrap = unwrap;
    this.#span = span;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = options.signal;
    if (!this.#signal) return;
    this.#onAbort = () => onAbort(this);
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  succeed(outcome: Tagged): void {
    if (!this.#settle()) return;
    this.#span.end();
    this.#resolve(this.unwrap ? outcome.value : outcome);
  }

  fail(error: KeysteadError): void {
    if (!this.#settle()) return;
    if (!this.sent) neverSent.add(error);
    this.#span.end(error.code);
    this.#reject(error);
  }

  #settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    if (this.#onAbort) this.#signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }
}
