import type { Queryable } from '@keystead/db';

/** Notes that an import token was used; a unique violation means that it was used before. */
export async function spendImportToken(tx: Queryable, account: string, tokenHash: Uint8Array): Promise<void> {
  await tx.query({
    name: 'import_token_spend',
    text: 'insert into spent_import_token (account, token_hash) values ($1, $2)',
    values: [account, Buffer.from(tokenHash)],
  });
}

/** Forgets tokens that are no longer valid anyway, by the clock of the database. */
export async function pruneImportTokens(db: Queryable): Promise<void> {
  await db.query({
    name: 'import_token_prune',
    text: `delete from spent_import_token where spent_at < now() - interval '25 hours'`,
  });
}
