import type { Json } from '@keystead/audit';
import { asKeysteadError, KeysteadError } from '@keystead/errors';
import { constraints, type OperationName } from '../domain/constraints.js';
import { isUse } from '../domain/last-usage.js';
import { validate } from '../domain/validation.js';
import type { Change } from '../store/key-store.js';
import type { KmsCall } from './kms-call.js';
import { requestParameters } from './parameters.js';
import { recordsOf } from './records.js';

/** One operation of AWS KMS. */
export interface Operation<Request extends object, Response extends object> {
  readonly name: OperationName;
  /** CloudTrail's requestParameters where they are not simply the request. */
  readonly parameters?: (request: Request) => Record<string, Json> | null;
  /** Finds, authorizes, checks, acts. */
  run(request: Request, call: KmsCall): Promise<Response>;
}

/**
 * Runs an operation and makes its record durable before the answer is released; when that fails the answer is zeroed
 * and KmsInternal is thrown. A change has committed its record together with itself.
 */
export async function execute<Request extends object, Response extends object>(
  operation: Operation<Request, Response>,
  request: Request,
  call: KmsCall,
): Promise<Response> {
  let response: Response;
  try {
    validate(request, constraints[operation.name]);
    await requireGrantTokens(request, call);
    response = await operation.run(request, call);
  } catch (thrown) {
    const error = asKeysteadError(thrown);
    if (error.code === 'Internal')
      call.environment.log.error({ err: error.cause ?? error, requestId: call.context.requestId }, 'call failed');
    await release(call, parametersOf(operation, request), error);
    throw error;
  }
  if (!call.recorded) {
    await release(call, parametersOf(operation, request)).catch((error: unknown) => {
      wipe(response);
      throw error;
    });
  }
  if (isUse(operation.name) && !call.isService) call.noteUse();
  return response;
}

/** A grant is effective at once, so its tokens add nothing; one that is none is refused all the same. Errors: InvalidGrantToken. */
async function requireGrantTokens(request: { readonly grantTokens?: readonly string[] }, call: KmsCall): Promise<void> {
  for (const token of request.grantTokens ?? []) await call.environment.grantTokens.read(token);
}

/** Commits a change together with the record of its call. */
export async function commitRecorded<Request extends object, Response extends object, T>(
  operation: Operation<Request, Response>,
  request: Request,
  call: KmsCall,
  work: (change: Change) => Promise<T>,
): Promise<T> {
  const result = await call.environment.commit(async (change) => {
    const done = await work(change);
    for (const record of recordsOf(call, parametersOf(operation, request))) await change.record(record);
    return done;
  });
  call.recorded = true;
  return result;
}

function parametersOf<Request extends object>(
  operation: Operation<Request, object>,
  request: Request,
): Record<string, Json> | null {
  return operation.parameters ? operation.parameters(request) : requestParameters(request);
}

/** Waits until the records of a call are durable. Calls of services for themselves are not events. Errors: KmsInternal. */
async function release(call: KmsCall, parameters: Record<string, Json> | null, error?: KeysteadError): Promise<void> {
  if (call.isService) return;
  const { audit, log } = call.environment;
  try {
    const [own, ...others] = recordsOf(call, parameters, error);
    if (own) await audit.append(own);
    for (const other of others) await audit.append(other);
  } catch (cause) {
    log.error({ err: cause, requestId: call.context.requestId, operation: call.operation }, 'no record, so no answer');
    throw new KeysteadError('KmsInternal', 'The request could not be recorded and was not answered.', { cause });
  }
}

function wipe(response: object): void {
  for (const value of Object.values(response)) if (value instanceof Uint8Array) value.fill(0);
}
