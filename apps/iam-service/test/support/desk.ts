import { outboxWorker } from '@keystead/audit';
import type { Pool } from '@keystead/db';
import type { AuditRecord } from '@keystead/proto/audit';
import { PrincipalType, type CallContext } from '@keystead/proto/common';
import type { Call, Result } from '@keystead/proto/iam-query';
import { LeaseHub, logger, type PipelineCall } from '@keystead/service';
import type { Role, User } from '../../src/domain/entities.js';
import { systemRandom } from '../../src/domain/ids.js';
import { authorizer } from '../../src/grpc/authorize.js';
import { rootPrincipal, userPrincipal } from '../../src/grpc/bundles.js';
import type { Environment } from '../../src/grpc/execute.js';
import { handleQuery } from '../../src/grpc/query.js';
import { resolvePrincipal } from '../../src/grpc/resolve.js';
import { accessKeyOfAnyAccount } from '../../src/store/access-keys.js';
import { applyChanges } from '../../src/store/change.js';
import { currentSequence } from '../../src/store/changes.js';
import { iamStore } from '../../src/store/iam-store.js';
import { policiesOf, policiesOfRole } from '../../src/store/principals.js';
import { roleOfAnyAccount } from '../../src/store/roles.js';
import { sessionOfAnyAccount } from '../../src/store/sessions.js';
import { userOfAnyAccount } from '../../src/store/users.js';

type Asked = NonNullable<Call['operation']>;
type Answered = NonNullable<Result['outcome']>;
type ValueOf<U extends { $case: string; value: unknown }, C> = Extract<U, { $case: C }>['value'];

/** What a request is when only what matters is written down. */
type Partly<T> = { [K in keyof T]?: T[K] };

/** IAM's operations over a real database; secrets are reversed instead of wrapped, records are collected. */
export interface Desk {
  readonly account: string;
  readonly records: AuditRecord[];
  readonly environment: Environment;
  /** Calls in the name of the root user, or of the user named. */
  as(
    userName?: string,
  ): <C extends Asked['$case']>(name: C, request?: Partly<ValueOf<Asked, C>>) => Promise<ValueOf<Answered, C>>;
  /** The CloudTrail records of one event, newest last. */
  events(name: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export async function openDesk(pool: Pool, account = '000000000000'): Promise<Desk> {
  const records: AuditRecord[] = [];
  const log = logger('test', 'silent');
  const sequence = () => currentSequence(pool);
  const hub = new LeaseHub({ sequence, replicas: 1, log });
  const outbox = outboxWorker({ pool, append: async (record) => records.push(record) });
  const storeOf = (owner: string) => iamStore(pool, owner);
  const source = {
    sequence,
    storeOf,
    policiesOf: (user: User) => policiesOf(pool, user),
    policiesOfRole: (role: Role) => policiesOfRole(pool, role),
    session: (accessKeyId: string) => sessionOfAnyAccount(pool, accessKeyId),
    userById: (id: string) => userOfAnyAccount(pool, id),
    roleById: (id: string) => roleOfAnyAccount(pool, id),
  };
  const environment: Environment = {
    authorizer: authorizer(source, () => Promise.resolve(undefined)),
    resolve: (principal) => resolvePrincipal(source, principal),
    identify: async () => {
      throw new Error('no token is proven at this desk');
    },
    applyChange: applyChanges({ pool, hub, outbox }),
    storeOf,
    append: async (record) => void records.push(record),
    secrets: { wrap: async (_, secret) => secret.toReversed(), unwrap: async (_, wrapped) => wrapped.toReversed() },
    accountOfKey: async (id) => (await accessKeyOfAnyAccount(pool, id))?.key.account,
    noteUse: () => undefined,
    random: systemRandom,
    now: () => new Date(),
  };
  await storeOf(account).account.add(new Date());
  const handle = handleQuery(environment);
  return {
    account,
    records,
    environment,
    as: (userName) => async (name, request) => {
      const user = userName === undefined ? undefined : await storeOf(account).users.byName(userName);
      if (userName !== undefined && !user) throw new Error(`no user ${userName}`);
      const context = contextOf(user ? userPrincipal(user) : rootPrincipal(account));
      const value = { tags: [], tagKeys: [], ...request };
      const { $case, value: answer } = await handle(
        { $case: name, value } as unknown as Asked,
        { context } as PipelineCall,
      );
      if ($case !== name) throw new Error(`${name} was answered with ${$case}`);
      return answer as never;
    },
    events: async (name) => {
      await outbox.drained();
      return records
        .filter((record) => record.eventName === name)
        .map((record) => JSON.parse(Buffer.from(record.record).toString()) as Record<string, unknown>);
    },
    close: async () => {
      hub.close();
      await outbox.close();
    },
  };
}

export function contextOf(principal: NonNullable<CallContext['principal']>): CallContext {
  return {
    principal,
    accessKeyId: principal.type === PrincipalType.PRINCIPAL_TYPE_ROOT ? '' : 'AKIAIOSFODNN7EXAMPLE',
    session: undefined,
    sourceIp: '192.0.2.1',
    userAgent: 'test',
    tls: undefined,
    viaService: '',
    requestId: '00000000-0000-4000-8000-000000000000',
  };
}
