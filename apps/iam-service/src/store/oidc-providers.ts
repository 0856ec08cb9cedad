import type { OidcProvider, Tag } from '../domain/entities.js';
import { first, rows, type Queryable } from './query.js';

interface Row {
  account: string;
  name: string;
  url: string;
  client_ids: string[];
  thumbprints: string[];
  tags: Tag[];
  created_at: Date;
}

const columns = 'account, name, url, client_ids, thumbprints, tags, created_at';

function toProvider({ client_ids, created_at, ...row }: Row): OidcProvider {
  return { ...row, clientIds: client_ids, createdAt: created_at };
}

/** The OIDC providers of one account, at most a hundred. */
export function oidcProviders(db: Queryable, account: string) {
  return {
    /** By the issuer without its scheme. */
    async byName(name: string): Promise<OidcProvider | undefined> {
      const text = `select ${columns} from oidc_provider where account = $1 and name = $2`;
      const row = await first<Row>(db, 'oidc_provider_by_name', text, [account, name]);
      return row && toProvider(row);
    },

    async list(): Promise<OidcProvider[]> {
      const text = `select ${columns} from oidc_provider where account = $1 order by name`;
      return (await rows<Row>(db, 'oidc_provider_list', text, [account])).map(toProvider);
    },

    /** Adds a provider, or replaces what may change of one. */
    async put({ name, url, clientIds, thumbprints, tags, createdAt }: OidcProvider): Promise<void> {
      const text = `insert into oidc_provider (account, name, url, client_ids, thumbprints, tags, created_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (account, name) do update set client_ids = excluded.client_ids,
          thumbprints = excluded.thumbprints, tags = excluded.tags`;
      const lists = [clientIds, thumbprints, tags].map((list) => JSON.stringify(list));
      await rows(db, 'oidc_provider_put', text, [account, name, url, ...lists, createdAt]);
    },

    async remove(name: string): Promise<void> {
      const text = 'delete from oidc_provider where account = $1 and name = $2';
      await rows(db, 'oidc_provider_remove', text, [account, name]);
    },
  };
}
