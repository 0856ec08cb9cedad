import { accessKeys } from './access-keys.js';
import { accountOf } from './account.js';
import { groups } from './groups.js';
import { holdings } from './holdings.js';
import { instanceProfiles } from './instance-profiles.js';
import { oidcProviders } from './oidc-providers.js';
import { policies } from './policies.js';
import type { Queryable } from './query.js';
import { roles } from './roles.js';
import { sessions } from './sessions.js';
import { users } from './users.js';

/** Everything of one account, on a pool or inside a transaction. The account is in every query by construction. */
export function iamStore(db: Queryable, account: string) {
  return {
    account: accountOf(db, account),
    users: users(db, account),
    groups: groups(db, account),
    accessKeys: accessKeys(db, account),
    policies: policies(db, account),
    holdings: holdings(db, account),
    roles: roles(db, account),
    instanceProfiles: instanceProfiles(db, account),
    oidcProviders: oidcProviders(db, account),
    sessions: sessions(db, account),
  };
}

export type IamStore = ReturnType<typeof iamStore>;
