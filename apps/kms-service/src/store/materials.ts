import type { Queryable } from '@keystead/db';
import type { Material, RotationType } from '../domain/key.js';
import { requireOpenEpoch } from './hsm-root.js';

interface Row {
  account: string;
  key_id: string;
  generation: number;
  material_id: string;
  token: Buffer | null;
  created_at: Date;
  rotation_type: RotationType | null;
  rotated_at: Date | null;
  valid_to: Date | null;
  description: string | null;
}

const columns = `account, key_id, generation, material_id, token, created_at, rotation_type, rotated_at, valid_to, description`;

/** All generations of a key, oldest first. */
export async function materialsOf(db: Queryable, account: string, keyId: string): Promise<Material[]> {
  const { rows } = await db.query<Row>({
    name: 'material_of_key',
    text: `select ${columns} from key_material where account = $1 and key_id = $2 order by generation`,
    values: [account, keyId],
  });
  return rows.map(toMaterial);
}

/** Which key a material belongs to; a ciphertext names its material and nothing else, so all accounts are asked. */
export async function keyOfMaterial(
  db: Queryable,
  materialId: string,
): Promise<{ account: string; id: string } | undefined> {
  const { rows } = await db.query<{ account: string; id: string }>({
    name: 'material_key',
    text: 'select account, key_id as id from key_material where material_id = $1',
    values: [materialId],
  });
  return rows[0];
}

/** Adds a generation; a unique violation means that another rotation was quicker. Errors: as requireOpenEpoch. */
export async function insertMaterial(tx: Queryable, material: Material): Promise<void> {
  if (material.token) await requireOpenEpoch(tx, material.token);
  const { account, keyId, generation, materialId, token, createdAt, rotationType } = material;
  await tx.query({
    name: 'material_insert',
    text: `insert into key_material (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    values: [
      ...[account, keyId, generation, materialId, bytes(token), createdAt, rotationType],
      ...[material.rotatedAt, material.validTo, material.description],
    ],
  });
}

/** Writes what may change of a material: whether it is there, until when, and how it came to be current. Errors: as requireOpenEpoch. */
export async function updateMaterial(tx: Queryable, material: Material): Promise<void> {
  if (material.token) await requireOpenEpoch(tx, material.token);
  await tx.query({
    name: 'material_update',
    text: `update key_material set token = $4, rotation_type = $5, rotated_at = $6, valid_to = $7, description = $8
      where account = $1 and key_id = $2 and generation = $3`,
    values: [
      ...[material.account, material.keyId, material.generation, bytes(material.token), material.rotationType],
      ...[material.rotatedAt, material.validTo, material.description],
    ],
  });
}

/** Forgets a material that never was current. */
export async function deleteMaterial(tx: Queryable, material: Material): Promise<void> {
  await tx.query({
    name: 'material_delete',
    text: 'delete from key_material where account = $1 and key_id = $2 and generation = $3',
    values: [material.account, material.keyId, material.generation],
  });
}

/** Keys of all accounts with imported material that has expired. */
export async function keysToExpire(
  db: Queryable,
  now: Date,
  limit: number,
): Promise<{ account: string; id: string }[]> {
  const { rows } = await db.query<{ account: string; id: string }>({
    name: 'material_to_expire',
    text: `select distinct account, key_id as id from key_material where valid_to <= $1 and token is not null limit $2`,
    values: [now, limit],
  });
  return rows;
}

function bytes(token: Uint8Array | null): Buffer | null {
  return token && Buffer.from(token);
}

function toMaterial(row: Row): Material {
  return {
    account: row.account,
    keyId: row.key_id,
    generation: row.generation,
    materialId: row.material_id,
    token: row.token,
    createdAt: row.created_at,
    rotationType: row.rotation_type,
    rotatedAt: row.rotated_at,
    validTo: row.valid_to,
    description: row.description,
  };
}
