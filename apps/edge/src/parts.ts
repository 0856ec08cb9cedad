import { asKeysteadError, type KeysteadError } from '@keystead/errors';
import type { CallContext } from '@keystead/proto/common';
import { type Logger, serverSpan, wasNeverSent } from '@keystead/service';
import type { Refusals, SigningKeySource } from '@keystead/service/signing';
import type { Attempt, Journal } from './auth/journal.js';
import type { Send } from './aws/send.js';
import type { Exchange } from './http/exchange.js';

/** What serving a request needs; made once in main.ts. */
export interface Parts {
  readonly region: string;
  readonly signingKeys: SigningKeySource;
  readonly journal: Journal;
  readonly refusals: Refusals;
  readonly log: Logger;
  /** The pipelines by the service name of credential scopes; STS is iam-service's too. */
  readonly send: Readonly<Record<'kms' | 'cloudtrail' | 'iam' | 'sts', Send>>;
}

/** Records an authenticated request that reaches no service; gives the failure to answer with. */
export async function recorded(
  parts: Parts,
  context: CallContext,
  attempt: Attempt,
  thrown: unknown,
): Promise<KeysteadError> {
  const error = asKeysteadError(thrown);
  await parts.journal.failed(context, attempt, error);
  return error;
}

/** One request that is understood and goes on to the service that executes and records it. */
export interface Forwarded {
  readonly send: Send;
  readonly exchange: Exchange;
  readonly operation: { readonly name: string; readonly $case: string };
  readonly message: unknown;
  readonly context: CallContext;
  readonly attempt: Attempt;
}

/** Sends an operation to its service, as a child of the trace that the client began. What never got there is recorded here. */
export async function forward(parts: Parts, forwarded: Forwarded): Promise<unknown> {
  const { send, exchange, operation, message, context, attempt } = forwarded;
  const traceParent = exchange.head.headers.get('traceparent') ?? '';
  const span = serverSpan(operation.name, traceParent);
  try {
    const answer = await span.run(() => send(operation.$case, message, { context, traceParent }));
    span.end();
    return answer;
  } catch (error) {
    span.end(error instanceof Error ? error.name : 'Error');
    throw wasNeverSent(error) ? await recorded(parts, context, attempt, error) : error;
  }
}
