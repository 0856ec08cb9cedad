import type { Queryable } from '@keystead/db';

/** A token to be wrapped anew. */
export interface OldToken {
  readonly account: string;
  readonly keyId: string;
  readonly generation: number;
  readonly token: Uint8Array;
}

/** A token and what takes its place. */
export interface Rewrapped extends OldToken {
  readonly newToken: Uint8Array;
}

/** Where a pass over the tokens of former epochs stands. */
export interface Position {
  readonly epoch: bigint;
  readonly account: string;
  readonly keyId: string;
  readonly generation: number;
}

/** Before the first token. */
export const start: Position = { epoch: 0n, account: '', keyId: '', generation: -1 };

/** Tokens of epochs before `epoch`, of all accounts, after a position. */
export async function oldTokens(
  db: Queryable,
  epoch: number,
  after: Position,
  limit: number,
): Promise<(OldToken & Position)[]> {
  const { rows } = await db.query<{
    epoch: bigint;
    account: string;
    key_id: string;
    generation: number;
    token: Buffer;
  }>({
    name: 'rewrap_page',
    text: `select epoch, account, key_id, generation, token from key_material
      where epoch < $1 and (epoch, account, key_id, generation) > ($2::bigint, $3::text, $4::text, $5::int)
      order by epoch, account, key_id, generation limit $6`,
    values: [epoch, after.epoch, after.account, after.keyId, after.generation, limit],
  });
  return rows.map(({ key_id: keyId, ...row }) => ({ ...row, keyId }));
}

/** Replaces the tokens that are still the old ones; answers whose they were. */
export async function replaceTokens(
  tx: Queryable,
  rewrapped: readonly Rewrapped[],
): Promise<{ account: string; id: string }[]> {
  const { rows } = await tx.query<{ account: string; id: string }>({
    name: 'rewrap_replace',
    text: `update key_material m set token = r.new_token
      from unnest($1::text[], $2::text[], $3::int[], $4::bytea[], $5::bytea[])
        as r(account, key_id, generation, old_token, new_token)
      where m.account = r.account and m.key_id = r.key_id and m.generation = r.generation and m.token = r.old_token
      returning m.account, m.key_id as id`,
    values: [
      rewrapped.map(({ account }) => account),
      rewrapped.map(({ keyId }) => keyId),
      rewrapped.map(({ generation }) => generation),
      rewrapped.map(({ token }) => Buffer.from(token)),
      rewrapped.map(({ newToken }) => Buffer.from(newToken)),
    ],
  });
  return rows;
}

/** How many tokens each epoch has, by epoch. */
export async function countTokens(db: Queryable): Promise<{ epoch: number; tokens: number }[]> {
  const { rows } = await db.query<{ epoch: bigint; tokens: bigint }>({
    name: 'rewrap_count',
    text: 'select epoch, count(*) as tokens from key_material where epoch is not null group by epoch order by epoch',
  });
  return rows.map(({ epoch, tokens }) => ({ epoch: Number(epoch), tokens: Number(tokens) }));
}
