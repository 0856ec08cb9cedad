import type { Queryable } from '@keystead/db';
import { KeysteadError } from '@keystead/errors';
import type { KnownRoot } from '../domain/hsm-root.js';
import type { Governance } from '../domain/supersession.js';
import { epochOf } from '../domain/token.js';

/** The root that is kept, with the file. */
export interface StoredRoot extends KnownRoot {
  readonly sealedRoot: Uint8Array;
  /** Tokens of earlier epochs are not stored any more. */
  readonly firstEpoch: number;
}

/** The root that is kept; undefined before the first one. */
export async function storedRoot(db: Queryable): Promise<StoredRoot | undefined> {
  const { rows } = await db.query<{
    domain_id: Buffer;
    generation: bigint;
    file_hash: Buffer;
    sealed_root: Buffer;
    first_epoch: bigint;
    governance: Governance | null;
  }>({
    name: 'hsm_root_find',
    text: 'select domain_id, generation, file_hash, sealed_root, first_epoch, governance from hsm_root where only_row',
  });
  const [row] = rows;
  if (!row) return undefined;
  return {
    ...{ domain: row.domain_id, generation: row.generation, hash: row.file_hash, sealedRoot: row.sealed_root },
    firstEpoch: Number(row.first_epoch),
    governance: row.governance ?? undefined,
  };
}

/**
 * Keeps a root in place of `before`, whose operators and rules stay where those of the new one were not told; false when another
 * process kept another one meanwhile.
 */
export async function keepRoot(
  tx: Queryable,
  root: KnownRoot & { readonly sealedRoot: Uint8Array },
  before: KnownRoot | undefined,
): Promise<boolean> {
  const { governance } = root;
  const values = [Buffer.from(root.domain), root.generation, Buffer.from(root.hash), Buffer.from(root.sealedRoot)];
  const decides = governance ? JSON.stringify(governance) : null;
  const { rowCount } = before
    ? await tx.query({
        name: 'hsm_root_replace',
        text: `update hsm_root set domain_id = $1, generation = $2, file_hash = $3, sealed_root = $4, seen_at = now(),
            governance = coalesce($5, governance)
          where only_row and generation = $6 and file_hash = $7`,
        values: [...values, decides, before.generation, Buffer.from(before.hash)],
      })
    : await tx.query({
        name: 'hsm_root_first',
        text: `insert into hsm_root (domain_id, generation, file_hash, sealed_root, governance)
          values ($1, $2, $3, $4, $5) on conflict do nothing`,
        values: [...values, decides],
      });
  return rowCount === 1;
}

/** Who decides about the root that is kept, where that was not known. */
export async function keepGovernance(
  db: Queryable,
  { generation, hash }: KnownRoot,
  governance: Governance,
): Promise<void> {
  await db.query({
    name: 'hsm_root_governance',
    text: `update hsm_root set governance = $1
      where only_row and generation = $2 and file_hash = $3 and governance is null`,
    values: [JSON.stringify(governance), generation, Buffer.from(hash)],
  });
}

/** From the commit on no token of an epoch before `firstEpoch` is stored. */
export async function closeEpochs(db: Queryable, firstEpoch: number): Promise<void> {
  await db.query({
    name: 'hsm_root_close',
    text: 'update hsm_root set first_epoch = $1 where only_row and first_epoch < $1',
    values: [firstEpoch],
  });
}

/**
 * Refuses a token whose epoch is closed: it was made before a rotation of the domain key and comes very late. The row is
 * locked, so that whoever closes an epoch waits for this transaction and then counts what it wrote. Errors: Unavailable.
 */
export async function requireOpenEpoch(tx: Queryable, token: Uint8Array): Promise<void> {
  const { rows } = await tx.query<{ first_epoch: bigint }>({
    name: 'hsm_root_share',
    text: 'select first_epoch from hsm_root where only_row for share',
  });
  if (epochOf(token) >= Number(rows[0]?.first_epoch ?? 0n)) return;
  throw new KeysteadError('Unavailable', 'The key material was wrapped by a former domain key; try again.');
}
