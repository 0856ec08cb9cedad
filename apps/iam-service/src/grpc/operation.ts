import type { ContextRecord, Decision } from '@keystead/policy';
import type { CallContext } from '@keystead/proto/common';
import type { Role } from '../domain/entities.js';
import type { Random } from '../domain/ids.js';
import type { IamStore } from '../store/iam-store.js';
import type { Question } from './authorize.js';
import type { Caller } from './caller.js';
import type { Identify } from './identity-token.js';
import type { Resolved } from './resolve.js';
import type { SecretKeeper } from './secret-keeper.js';

/** What an operation acts upon: for the decision, for the sentence that refuses it, and for the record of it. */
export interface Target {
  /** ARN for the policies. */
  readonly arn: string;
  /** As AWS calls it in an AccessDenied, for example "user bob". */
  readonly shown: string;
  /** Condition keys beside the global ones. */
  readonly values?: ContextRecord;
  /** By which LookupEvents finds the record. */
  readonly resources?: readonly { readonly type: string; readonly name: string }[];
}

/** What an operation works with. */
export interface Work {
  readonly caller: Caller;
  readonly store: IamStore;
  readonly now: Date;
  readonly random: Random;
  readonly secrets: SecretKeeper;
  /** The account of an access key, whosever it is. */
  readonly accountOfKey: (id: string) => Promise<string | undefined>;
  /** Everything of whatever account, for what reaches beyond the caller's. */
  readonly storeOf: (account: string) => IamStore;
  /** Decides by the policy of a resource and by the caller's. */
  readonly decide: (question: Omit<Question, 'now'>) => Promise<Decision>;
  /** A principal of whatever account, as policies name it. */
  readonly resolve: (principal: string) => Promise<Resolved | undefined>;
}

/** What a change works with: a store inside its transaction. */
export interface Change extends Work {
  /** Names cached facts that this change voids: "principal/<arn>", "access-key/<id>". */
  readonly touch: (...keys: string[]) => void;
}

/** A target with an action of its own; absent means the operation's. */
export interface SecondTarget extends Target {
  readonly action?: `iam:${string}`;
}

interface Common<Request, Command> {
  /** IAM's action, for example "iam:CreateUser". */
  readonly action: `iam:${string}` | `sts:${string}`;
  /** Checks shape and limits; throws Validation or InvalidInput. */
  check(request: Request, caller: Caller): Command;
  /** Finds what is acted upon; absent for what nobody is refused. */
  target?(command: Command, work: Work): Promise<Target> | Target;
  /** A second thing that must be allowed: the same action on the new name of a renamed user, or another action. */
  alsoTarget?(command: Command, work: Work): Promise<SecondTarget> | SecondTarget;
}

/** An operation that changes nothing. */
export interface ReadOperation<Request, Command, Response> extends Common<Request, Command> {
  readonly kind: 'read';
  run(command: Command, work: Work): Promise<Response>;
}

/** An operation that changes something, in one transaction with its record. */
export interface WriteOperation<Request, Command, Response> extends Common<Request, Command> {
  readonly kind: 'write';
  /** What must be had from elsewhere before the transaction begins. */
  prepare?(command: Command, work: Work): Promise<Command>;
  run(command: Command, change: Change): Promise<Response>;
  /** Forgets what `prepare` made, once the answer stands (a transaction may have run more than once). */
  dispose?(command: Command): void;
}

/** What an operation that makes credentials answers. */
export interface Issued<Response> {
  readonly answer: Response;
  /** The role whose session it is; its account has a record of it too. */
  readonly role?: Role;
}

/** An operation that makes temporary credentials: no change of IAM, and permitted by more than the caller's policies. */
export interface IssueOperation<Request, Command, Response> {
  readonly kind: 'issue';
  readonly action: `sts:${string}`;
  check(request: Request, caller: Caller): Command;
  /** Decides, and makes the credentials. */
  run(command: Command, work: Work): Promise<Issued<Response>>;
  /** The role that the record names. */
  roleArn?(command: Command): string;
  /** Proves who calls where the request itself is not signed. Throws InvalidIdentityToken and the like. */
  readonly bearer?: (request: Request, context: CallContext, identify: Identify) => Promise<Caller>;
}

/* eslint-disable @typescript-eslint/no-explicit-any --
   The command is each operation's own affair: it is both produced and consumed there, so no other type fits all. */
/** Any operation of one request and response. */
export type Operation<Request, Response> =
  | ReadOperation<Request, any, Response>
  | WriteOperation<Request, any, Response>
  | IssueOperation<Request, any, Response>;
/* eslint-enable @typescript-eslint/no-explicit-any */

/** Describes a reading operation; the types of its parts follow from each other. */
export function reads<Request, Command, Response>(
  action: Common<Request, Command>['action'],
  parts: Omit<ReadOperation<Request, Command, Response>, 'kind' | 'action'>,
): ReadOperation<Request, Command, Response> {
  return { kind: 'read', action, ...parts };
}

/** Describes a changing operation; the types of its parts follow from each other. */
export function writes<Request, Command, Response>(
  action: Common<Request, Command>['action'],
  parts: Omit<WriteOperation<Request, Command, Response>, 'kind' | 'action'>,
): WriteOperation<Request, Command, Response> {
  return { kind: 'write', action, ...parts };
}

/** Describes an operation that makes credentials. */
export function issues<Request, Command, Response>(
  action: IssueOperation<Request, Command, Response>['action'],
  parts: Omit<IssueOperation<Request, Command, Response>, 'kind' | 'action'>,
): IssueOperation<Request, Command, Response> {
  return { kind: 'issue', action, ...parts };
}
