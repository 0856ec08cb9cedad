import type { Queryable } from '@keystead/db';
import type { Key, KeyManager, KeyState } from '../domain/key.js';

interface Row {
  account: string;
  id: string;
  arn: string;
  description: string;
  spec: string;
  usage: string;
  origin: string;
  manager: KeyManager;
  multi_region: boolean;
  state: KeyState;
  created_at: Date;
  deletion_date: Date | null;
  policy: string;
  principals: Record<string, string>;
  generation: number;
  rotation_period_days: number | null;
  next_rotation_at: Date | null;
  on_demand_rotations: number;
}

const columns = `account, id, arn, description, spec, usage, origin, manager, multi_region, state, created_at, deletion_date,
  policy, principals, generation, rotation_period_days, next_rotation_at, on_demand_rotations`;

/** One key. */
export async function findKey(db: Queryable, account: string, id: string): Promise<Key | undefined> {
  const { rows } = await db.query<Row>({
    name: 'key_find',
    text: `select ${columns} from key where account = $1 and id = $2`,
    values: [account, id],
  });
  return rows[0] && toKey(rows[0]);
}

/** One key, locked until the transaction ends. */
export async function lockKey(tx: Queryable, account: string, id: string): Promise<Key | undefined> {
  const { rows } = await tx.query<Row>({
    name: 'key_lock',
    text: `select ${columns} from key where account = $1 and id = $2 for update`,
    values: [account, id],
  });
  return rows[0] && toKey(rows[0]);
}

/** Customers' and AWS managed keys of an account by id, after a position. */
export async function pageOfKeys(
  db: Queryable,
  account: string,
  after: string,
  limit: number,
): Promise<{ id: string; arn: string }[]> {
  const { rows } = await db.query<{ id: string; arn: string }>({
    name: 'key_page',
    text: `select id, arn from key where account = $1 and id > $2 and manager <> 'SERVICE' order by id limit $3`,
    values: [account, after, limit],
  });
  return rows;
}

export async function insertKey(tx: Queryable, key: Key): Promise<void> {
  await tx.query({
    name: 'key_insert',
    text: `insert into key (${columns})
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
    values: [
      ...[key.account, key.id, key.arn, key.description, key.spec, key.usage, key.origin, key.manager],
      ...[key.multiRegion, key.state, key.createdAt, key.deletionDate, key.policy, key.principals, key.generation],
      ...[key.rotationPeriodDays, key.nextRotationAt, key.onDemandRotations],
    ],
  });
}

/** Writes what may change of a key. */
export async function updateKey(tx: Queryable, key: Key): Promise<void> {
  await tx.query({
    name: 'key_update',
    text: `update key set description = $3, state = $4, deletion_date = $5, policy = $6, principals = $7, generation = $8,
        rotation_period_days = $9, next_rotation_at = $10, on_demand_rotations = $11
      where account = $1 and id = $2`,
    values: [
      ...[
        key.account,
        key.id,
        key.description,
        key.state,
        key.deletionDate,
        key.policy,
        key.principals,
        key.generation,
      ],
      ...[key.rotationPeriodDays, key.nextRotationAt, key.onDemandRotations],
    ],
  });
}

/** Removes a key with its material, aliases and tags: nothing it encrypted can be read again. */
export async function deleteKey(tx: Queryable, account: string, id: string): Promise<void> {
  await tx.query({ name: 'key_delete', text: 'delete from key where account = $1 and id = $2', values: [account, id] });
}

/** Keys of all accounts whose automatic rotation is due, the longest overdue first. */
export async function keysToRotate(
  db: Queryable,
  now: Date,
  limit: number,
): Promise<{ account: string; id: string }[]> {
  const { rows } = await db.query<{ account: string; id: string }>({
    name: 'key_to_rotate',
    text: `select account, id from key where next_rotation_at <= $1 and state = 'Enabled' order by next_rotation_at limit $2`,
    values: [now, limit],
  });
  return rows;
}

/** Keys of all accounts whose deletion date has come. */
export async function keysToDelete(
  db: Queryable,
  now: Date,
  limit: number,
): Promise<{ account: string; id: string }[]> {
  const { rows } = await db.query<{ account: string; id: string }>({
    name: 'key_to_delete',
    text: `select account, id from key where deletion_date <= $1 order by deletion_date limit $2`,
    values: [now, limit],
  });
  return rows;
}

function toKey(row: Row): Key {
  return {
    account: row.account,
    id: row.id,
    arn: row.arn,
    description: row.description,
    spec: row.spec,
    usage: row.usage,
    origin: row.origin,
    manager: row.manager,
    multiRegion: row.multi_region,
    state: row.state,
    createdAt: row.created_at,
    deletionDate: row.deletion_date,
    policy: row.policy,
    principals: row.principals,
    generation: row.generation,
    rotationPeriodDays: row.rotation_period_days,
    nextRotationAt: row.next_rotation_at,
    onDemandRotations: row.on_demand_rotations,
  };
}
