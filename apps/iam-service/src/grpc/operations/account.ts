import type * as wire from '@keystead/proto/iam-query';
import { accountAlias, aliasExists } from '../../domain/accounts.js';
import { noAlias } from '../../domain/not-found.js';
import { readPage } from '../../domain/paging.js';
import { quotas } from '../../domain/quotas.js';
import { reads, writes, type Change } from '../operation.js';
import { accountTarget } from '../targets.js';

/** What AWS's summary counts and this system has none of. */
const none = {
  AccountMFAEnabled: 0,
  AccountPasswordPresent: 0,
  AccountSigningCertificatesPresent: 0,
  MFADevices: 0,
  MFADevicesInUse: 0,
  ServerCertificates: 0,
} as const;

export const getAccountSummary = reads('iam:GetAccountSummary', {
  check: (request: wire.GetAccountSummaryRequest) => request,
  target: (_, { caller }) => accountTarget(caller.account),
  run: async (_, { store }) => {
    const { users, groups, policies, versions, rootKeys, ...held } = await store.account.counts();
    const counts = {
      ...{ Users: users, Groups: groups, Policies: policies, PolicyVersionsInUse: versions },
      ...{ Roles: held.roles, InstanceProfiles: held.profiles, Providers: held.providers },
    };
    const root = { AccountAccessKeysPresent: rootKeys > 0 ? 1 : 0 };
    return { summaryMap: { ...none, ...quotas, ...counts, ...root } };
  },
});

export const listAccountAliases = reads('iam:ListAccountAliases', {
  check: (request: wire.ListAccountAliasesRequest) => readPage(request),
  target: (_, { caller }) => accountTarget(caller.account),
  run: async (_, { store }) => {
    const alias = await store.account.alias();
    return { accountAliases: alias === undefined ? [] : [alias], isTruncated: false, marker: undefined };
  },
});

export const createAccountAlias = writes('iam:CreateAccountAlias', {
  check: (request: wire.CreateAccountAliasRequest) => ({ alias: accountAlias(request.accountAlias) }),
  target: (_, { caller }) => accountTarget(caller.account),
  run: async ({ alias }, { caller, store }: Change) => {
    const owner = await store.account.aliasOwner(alias);
    if (owner !== undefined && owner !== caller.account) throw aliasExists(alias);
    await store.account.setAlias(alias);
    return {};
  },
});

export const deleteAccountAlias = writes('iam:DeleteAccountAlias', {
  check: (request: wire.DeleteAccountAliasRequest) => ({ alias: accountAlias(request.accountAlias) }),
  target: (_, { caller }) => accountTarget(caller.account),
  run: async ({ alias }, { store }: Change) => {
    if ((await store.account.alias()) !== alias) throw noAlias(alias);
    await store.account.setAlias(undefined);
    return {};
  },
});
