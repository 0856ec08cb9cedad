import { newEventId } from '@keystead/audit';
import { asKeysteadError } from '@keystead/errors';
import type { AuditRecord } from '@keystead/proto/audit';
import type { PipelineCall } from '@keystead/service';
import type { Random } from '../domain/ids.js';
import type { ApplyChange } from '../store/change.js';
import type { IamStore } from '../store/iam-store.js';
import type { Authorizer } from './authorize.js';
import { callerOf, checkSession, type Caller } from './caller.js';
import type { Identify } from './identity-token.js';
import type { IssueOperation, Operation, ReadOperation, Target, Work, WriteOperation } from './operation.js';
import { globalRegion, recordOf, type Recorded } from './records.js';
import type { Resolved } from './resolve.js';
import type { SecretKeeper } from './secret-keeper.js';

/** What every operation is executed with. */
export interface Environment {
  readonly authorizer: Authorizer;
  readonly identify: Identify;
  readonly applyChange: ApplyChange;
  readonly storeOf: (account: string) => IamStore;
  /** Makes a record durable. */
  readonly append: (record: AuditRecord) => Promise<void>;
  readonly secrets: SecretKeeper;
  readonly accountOfKey: (id: string) => Promise<string | undefined>;
  readonly resolve: (principal: string) => Promise<Resolved | undefined>;
  /** Notes that an access key was used. */
  readonly noteUse: (accessKeyId: string, use: { at: Date; service: string; region: string }) => void;
  readonly random: Random;
  readonly now: () => Date;
}

/**
 * How every operation goes: who calls, is the request well-formed, may they, do it. One record each: a change's in the
 * transaction of the change, all others (reads, refusals, failures) durable before the answer leaves.
 */
export async function execute<Request extends object, Response extends object>(
  environment: Environment,
  operation: Operation<Request, Response>,
  request: Request,
  call: PipelineCall,
): Promise<Response> {
  const now = environment.now();
  const bearer = operation.kind === 'issue' ? operation.bearer : undefined;
  // Before the token is proven there is nobody in whose name a record could stand.
  const caller =
    bearer && call.context ? await bearer(request, call.context, environment.identify) : callerOf(call.context);
  noteUse(environment, caller, operation.action, now);
  const attempt = new Attempt(environment, caller, now);
  const facts = { action: operation.action, readOnly: operation.kind !== 'write', request, at: now };
  try {
    checkSession(caller, operation.action, now);
    if (operation.kind === 'issue') return await attempt.issue(operation, request, facts);
    if (operation.kind === 'write') {
      return await attempt.write(operation, request, (response, target) =>
        recordOf(caller, { ...facts, response, target }),
      );
    }
    const response = await attempt.read(operation, request);
    await environment.append(recordOf(caller, { ...facts, target: attempt.target }));
    return response;
  } catch (thrown) {
    // A record that could not be appended fails the call; so does the second attempt, for the error of the first.
    const error = asKeysteadError(thrown);
    await environment.append(recordOf(caller, { ...facts, target: attempt.target, error }));
    throw error;
  }
}

function noteUse(environment: Environment, caller: Caller, action: string, at: Date): void {
  const { accessKeyId } = caller.context;
  if (accessKeyId === '') return;
  environment.noteUse(accessKeyId, { at, service: action.slice(0, 3), region: globalRegion });
}

type Facts = Pick<Recorded, 'action' | 'readOnly' | 'request' | 'at'>;

class Attempt {
  /** What was acted upon, once that is known. */
  target: Target | undefined;
  readonly #environment: Environment;
  readonly #work: Work;

  constructor(environment: Environment, caller: Caller, now: Date) {
    const { random, secrets, accountOfKey, resolve, storeOf, authorizer } = environment;
    this.#environment = environment;
    const others = { random, secrets, accountOfKey, resolve, storeOf };
    const decide: Work['decide'] = (question) => authorizer.decide(caller, { ...question, now });
    this.#work = { caller, store: storeOf(caller.account), now, decide, ...others };
  }

  async read<Request, Response>(
    operation: ReadOperation<Request, unknown, Response>,
    request: Request,
  ): Promise<Response> {
    const command = operation.check(request, this.#work.caller);
    await this.#authorize(operation, command);
    return operation.run(command, this.#work);
  }

  async write<Request, Response>(
    operation: WriteOperation<Request, unknown, Response>,
    request: Request,
    record: (response: Response, target: Target | undefined) => AuditRecord,
  ): Promise<Response> {
    const checked = operation.check(request, this.#work.caller);
    await this.#authorize(operation, checked);
    const command = (await operation.prepare?.(checked, this.#work)) ?? checked;
    try {
      return await this.#environment.applyChange(this.#work.caller.account, async (store, touch) => {
        const answer = await operation.run(command, { ...this.#work, store, touch });
        return { answer, record: record(answer, this.target) };
      });
    } finally {
      operation.dispose?.(command);
    }
  }

  /** Credentials are released when their record is durable, in the caller's account and in that of the role. */
  async issue<Request, Response extends object>(
    operation: IssueOperation<Request, unknown, Response>,
    request: Request,
    facts: Facts,
  ): Promise<Response> {
    const { caller } = this.#work;
    const { append } = this.#environment;
    const command = operation.check(request, caller);
    const name = operation.roleArn?.(command);
    if (name !== undefined) this.target = { arn: name, shown: name, resources: [{ type: 'AWS::IAM::Role', name }] };
    const { answer, role } = await operation.run(command, this.#work);
    const isForeign = role !== undefined && role.account !== caller.account;
    const sharedEventId = isForeign ? newEventId(facts.at) : undefined;
    const recorded = { ...facts, target: this.target, response: answer };
    await append(recordOf(caller, { ...recorded, copy: sharedEventId === undefined ? undefined : { sharedEventId } }));
    if (isForeign && sharedEventId !== undefined) {
      await append(recordOf(caller, { ...recorded, copy: { account: role.account, sharedEventId } }));
    }
    return answer;
  }

  async #authorize<Command>(
    operation: Pick<ReadOperation<never, Command, unknown>, 'action' | 'target' | 'alsoTarget'>,
    command: Command,
  ): Promise<void> {
    const { authorizer } = this.#environment;
    const { caller, now } = this.#work;
    if (!operation.target) return;
    this.target = await operation.target(command, this.#work);
    await authorizer.require(caller, operation.action, this.target, now);
    const also = await operation.alsoTarget?.(command, this.#work);
    if (also) await authorizer.require(caller, also.action ?? operation.action, also, now);
  }
}
