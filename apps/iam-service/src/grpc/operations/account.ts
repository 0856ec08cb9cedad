import type * as wire from '@keystead/proto/iam-query';
import { pathPrefix } from '../../domain/fields.js';
import { readPage } from '../../domain/paging.js';
import { quotas } from '../../domain/quotas.js';
import { reads } from '../operation.js';
import { accountTarget, listTarget } from '../targets.js';

/** What AWS's summary counts and this system has none of. */
const none = {
  AccountAccessKeysPresent: 0,
  AccountMFAEnabled: 0,
  AccountPasswordPresent: 0,
  AccountSigningCertificatesPresent: 0,
  InstanceProfiles: 0,
  MFADevices: 0,
  MFADevicesInUse: 0,
  Providers: 0,
  Roles: 0,
  ServerCertificates: 0,
} as const;

export const getAccountSummary = reads('iam:GetAccountSummary', {
  check: (request: wire.GetAccountSummaryRequest) => request,
  target: (_, { caller }) => accountTarget(caller.account),
  run: async (_, { store }) => {
    const { users, groups, policies, versions } = await store.account.counts();
    const counts = { Users: users, Groups: groups, Policies: policies, PolicyVersionsInUse: versions };
    return { summaryMap: { ...none, ...quotas, ...counts } };
  },
});

export const listAccountAliases = reads('iam:ListAccountAliases', {
  check: (request: wire.ListAccountAliasesRequest) => readPage(request),
  target: (_, { caller }) => accountTarget(caller.account),
  run: async () => ({ accountAliases: [], isTruncated: false, marker: undefined }),
});

/** There are no roles yet; tools that look for them find none. */
export const listRoles = reads('iam:ListRoles', {
  check: (request: wire.ListRolesRequest) => ({ pathPrefix: pathPrefix(request.pathPrefix), page: readPage(request) }),
  target: ({ pathPrefix }, { caller }) => listTarget(caller.account, 'role', pathPrefix),
  run: async () => ({ roles: [], isTruncated: false, marker: undefined }),
});
