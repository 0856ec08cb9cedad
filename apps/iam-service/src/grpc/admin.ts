import { cloudTrailRecord, type Json } from '@keystead/audit';
import { KeysteadError } from '@keystead/errors';
import { PrincipalType, type CallContext } from '@keystead/proto/common';
import type { AuditRecord } from '@keystead/proto/audit';
import type * as proto from '@keystead/proto/iam';
import { unary, type UnaryCall } from '@keystead/service';
import { accountAlias, accountExists, accountId, aliasExists, newAccountId, noAccount } from '../domain/accounts.js';
import type { Account } from '../domain/accounts.js';
import { rootArn } from '../domain/arn.js';
import type { AccessKey } from '../domain/entities.js';
import { accessKeyId } from '../domain/fields.js';
import * as ids from '../domain/ids.js';
import { found, noAccessKey } from '../domain/not-found.js';
import { checkQuota, quotas } from '../domain/quotas.js';
import type { ApplyChange } from '../store/change.js';
import type { IamStore } from '../store/iam-store.js';
import { accessKeyKey, rootKey } from './cache-keys.js';
import { globalRegion } from './records.js';
import type { SecretKeeper } from './secret-keeper.js';

/** What the methods for operators work with. */
export interface AdminEnvironment {
  readonly storeOf: (account: string) => IamStore;
  readonly accounts: (after: string, limit: number) => Promise<Account[]>;
  readonly applyChange: ApplyChange;
  readonly secrets: SecretKeeper;
  readonly random: ids.Random;
  readonly now: () => Date;
}

const defaultPage = 100;
const largestPage = 1_000;

/** Accounts and keys of their root users; for operators' certificates only, each change recorded in the account's log. */
export function adminMethods(environment: AdminEnvironment) {
  return {
    createAccount: unary(async (request: proto.CreateAccountRequest, call) => {
      onlyOperators(call);
      return { account: await createAccount(environment, request, call) };
    }),

    listAccounts: unary(async ({ after, maxResults }: proto.ListAccountsRequest, call) => {
      onlyOperators(call);
      const limit = Math.min(maxResults || defaultPage, largestPage);
      const found = await environment.accounts(after, limit + 1);
      const accounts = found.slice(0, limit);
      const next = found.length > limit ? (accounts.at(-1)?.id ?? '') : '';
      return { accounts: accounts.map(wireAccount), next };
    }),

    createRootKey: unary(async (request: proto.CreateRootKeyRequest, call) => {
      onlyOperators(call);
      return createRootKey(environment, request, call);
    }),

    listRootKeys: unary(async (request: proto.ListRootKeysRequest, call) => {
      onlyOperators(call);
      const store = environment.storeOf(accountId(request.accountId));
      await mustExist(store, request.accountId);
      return { keys: (await store.accessKeys.ofRoot()).map(wireRootKey) };
    }),

    deleteRootKey: unary(async (request: proto.DeleteRootKeyRequest, call) => {
      onlyOperators(call);
      await deleteRootKey(environment, request, call);
      return {};
    }),
  };
}

function onlyOperators({ peer }: UnaryCall): void {
  if (peer.kind !== 'operator') throw new KeysteadError('AccessDenied', 'Only operators may do this.');
}

async function createAccount(
  environment: AdminEnvironment,
  request: proto.CreateAccountRequest,
  call: UnaryCall,
): Promise<proto.Account> {
  const id = newAccountId(request.accountId, environment.random);
  const alias = request.alias === '' ? undefined : accountAlias(request.alias);
  const at = environment.now();
  return environment.applyChange(id, async (store, touch) => {
    if (!(await store.account.add(at))) throw accountExists(id);
    if (alias !== undefined && (await store.account.aliasOwner(alias)) !== undefined) throw aliasExists(alias);
    await store.account.setAlias(alias);
    // Somebody may have asked for it before it was there.
    touch(rootKey(id));
    const account: Account = { id, alias, createdAt: at, rootKeys: 0 };
    const event = { eventSource: 'organizations.amazonaws.com', eventName: 'CreateAccount', at };
    const requestParameters = { accountId: id, ...(alias === undefined ? {} : { accountAlias: alias }) };
    return { answer: wireAccount(account), record: recordOf(call, id, { ...event, requestParameters }) };
  });
}

async function createRootKey(
  environment: AdminEnvironment,
  request: proto.CreateRootKeyRequest,
  call: UnaryCall,
): Promise<proto.CreateRootKeyResponse> {
  const { random, secrets } = environment;
  const account = accountId(request.accountId);
  await mustExist(environment.storeOf(account), account);
  const id = ids.accessKeyId(account, random);
  const secret = ids.secretAccessKey(random);
  try {
    const wrapped = await secrets.wrap(id, secret);
    const at = environment.now();
    const key: AccessKey = { account, id, userId: account, status: 'Active', createdAt: at, lastUse: undefined };
    const deleted = await environment.applyChange(account, async ({ accessKeys }, touch) => {
      const others = await accessKeys.ofRoot();
      if (!request.replace) checkQuota('AccessKeysPerUser', others.length, quotas.AccessKeysPerUserQuota);
      const replaced = request.replace ? others : [];
      for (const other of replaced) await accessKeys.remove(other.id);
      await accessKeys.add(key, wrapped);
      touch(accessKeyKey(key), ...replaced.map(accessKeyKey));
      const requestParameters = { replaced: replaced.map((other) => other.id) };
      const responseElements = { accessKey: { userName: 'root', accessKeyId: id, status: 'Active' } };
      const event = { eventSource: 'iam.amazonaws.com', eventName: 'CreateAccessKey', at };
      const record = recordOf(call, account, { ...event, requestParameters, responseElements });
      return { answer: replaced.map((other) => other.id), record };
    });
    return { key: wireRootKey(key), secretAccessKey: secret.toString('latin1'), deleted };
  } finally {
    secret.fill(0);
  }
}

async function deleteRootKey(
  environment: AdminEnvironment,
  request: proto.DeleteRootKeyRequest,
  call: UnaryCall,
): Promise<void> {
  const account = accountId(request.accountId);
  const id = accessKeyId(request.accessKeyId);
  const at = environment.now();
  await mustExist(environment.storeOf(account), account);
  await environment.applyChange(account, async ({ accessKeys }, touch) => {
    const keys = await accessKeys.ofRoot();
    const key = found(
      keys.find((one) => one.id === id),
      () => noAccessKey(id),
    );
    await accessKeys.remove(key.id);
    touch(accessKeyKey(key));
    const event = { eventSource: 'iam.amazonaws.com', eventName: 'DeleteAccessKey', at };
    return { answer: undefined, record: recordOf(call, account, { ...event, requestParameters: { accessKeyId: id } }) };
  });
}

async function mustExist({ account }: IamStore, id: string): Promise<void> {
  found(await account.createdAt(), () => noAccount(id));
}

interface AdminEvent {
  readonly eventSource: string;
  readonly eventName: string;
  readonly at: Date;
  readonly requestParameters: Readonly<Record<string, Json>>;
  readonly responseElements?: Readonly<Record<string, Json>>;
}

/** An operator is no principal of the account; its log says which operator acted, and from where. */
function recordOf({ peer, sourceIp, requestId }: UnaryCall, account: string, event: AdminEvent): AuditRecord {
  const type = PrincipalType.PRINCIPAL_TYPE_SERVICE;
  const principal = { type, arn: 'operator.keystead.internal', uniqueId: '', account: '', userName: '' };
  const rest = { accessKeyId: '', session: undefined, sourceIp, userAgent: '', tls: undefined, viaService: '' };
  const context: CallContext = { principal, ...rest, requestId };
  return cloudTrailRecord(context, {
    ...event,
    region: globalRegion,
    readOnly: false,
    recipientAccount: account,
    additionalEventData: { operator: peer.kind === 'operator' ? peer.name : '', operatorAddress: sourceIp },
    lookupResources: [{ type: 'AWS::IAM::Account', name: rootArn(account) }],
  });
}

function wireAccount({ id, alias = '', createdAt, rootKeys }: Account): proto.Account {
  return { accountId: id, alias, createDate: createdAt, rootKeys };
}

function wireRootKey({ id, status, createdAt, lastUse }: AccessKey): proto.RootKey {
  return { accessKeyId: id, status, createDate: createdAt, lastUsed: lastUse?.at };
}
