import type { CallContext } from '@keystead/proto/common';

/** What goes with a call to a service. */
export interface SendOptions {
  readonly context: CallContext;
  /** W3C traceparent as the client sent it. */
  readonly traceParent?: string;
}

/** A service's pipeline with its types put aside: the tables of operations have paired case and message already. */
export type Send = ($case: string, message: unknown, options: SendOptions) => Promise<unknown>;

/** RSA keys take seconds to make, and longer when many are made at once. */
const patient = new Set([
  'createKey',
  'generateDataKeyPair',
  'generateDataKeyPairWithoutPlaintext',
  'getParametersForImport',
]);
const patienceMs = 60_000;

/** Views a pipeline client as `Send`. */
export function sender(client: { request: (...args: never[]) => Promise<unknown> }): Send {
  const request = client.request.bind(client) as (
    $case: string,
    message: unknown,
    options: SendOptions & { timeoutMs?: number },
  ) => Promise<unknown>;
  return (name, message, options) =>
    request(name, message, patient.has(name) ? { ...options, timeoutMs: patienceMs } : options);
}
