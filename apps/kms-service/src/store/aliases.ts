import type { Queryable } from '@keystead/db';
import type { Alias } from '../domain/key.js';

interface Row {
  account: string;
  name: string;
  key_id: string;
  created_at: Date;
  updated_at: Date;
}

export async function findAlias(db: Queryable, account: string, name: string): Promise<Alias | undefined> {
  const { rows } = await db.query<Row>({
    name: 'alias_find',
    text: 'select account, name, key_id, created_at, updated_at from alias where account = $1 and name = $2',
    values: [account, name],
  });
  return rows[0] && toAlias(rows[0]);
}

/** One alias, locked until the transaction ends. */
export async function lockAlias(tx: Queryable, account: string, name: string): Promise<Alias | undefined> {
  const { rows } = await tx.query<Row>({
    name: 'alias_lock',
    text: 'select account, name, key_id, created_at, updated_at from alias where account = $1 and name = $2 for update',
    values: [account, name],
  });
  return rows[0] && toAlias(rows[0]);
}

/** Names of a key's aliases, sorted. */
export async function aliasesOf(db: Queryable, account: string, keyId: string): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>({
    name: 'alias_of_key',
    text: 'select name from alias where account = $1 and key_id = $2 order by name',
    values: [account, keyId],
  });
  return rows.map(({ name }) => name);
}

/** Aliases of an account, or of one of its keys, after a position. */
export async function pageOfAliases(
  db: Queryable,
  { account, keyId, after, limit }: { account: string; keyId: string | undefined; after: string; limit: number },
): Promise<Alias[]> {
  const { rows } = await db.query<Row>({
    name: 'alias_page',
    text: `select account, name, key_id, created_at, updated_at from alias
      where account = $1 and ($2::text is null or key_id = $2) and name > $3 order by name limit $4`,
    values: [account, keyId ?? null, after, limit],
  });
  return rows.map(toAlias);
}

/** A unique violation means that the name is taken. */
export async function insertAlias(tx: Queryable, alias: Alias): Promise<void> {
  await tx.query({
    name: 'alias_insert',
    text: 'insert into alias (account, name, key_id, created_at, updated_at) values ($1, $2, $3, $4, $5)',
    values: [alias.account, alias.name, alias.keyId, alias.createdAt, alias.updatedAt],
  });
}

export async function updateAlias(tx: Queryable, alias: Alias): Promise<void> {
  await tx.query({
    name: 'alias_update',
    text: 'update alias set key_id = $3, updated_at = $4 where account = $1 and name = $2',
    values: [alias.account, alias.name, alias.keyId, alias.updatedAt],
  });
}

export async function deleteAlias(tx: Queryable, account: string, name: string): Promise<void> {
  await tx.query({
    name: 'alias_delete',
    text: 'delete from alias where account = $1 and name = $2',
    values: [account, name],
  });
}

function toAlias(row: Row): Alias {
  return {
    account: row.account,
    name: row.name,
    keyId: row.key_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
