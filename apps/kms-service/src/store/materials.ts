import type { Queryable } from '@keystead/db';
import type { Material, RotationType } from '../domain/key.js';

interface Row {
  account: string;
  key_id: string;
  generation: number;
  material_id: string;
  token: Buffer;
  created_at: Date;
  rotation_type: RotationType | null;
}

/** All generations of a key, oldest first. */
export async function materialsOf(db: Queryable, account: string, keyId: string): Promise<Material[]> {
  const { rows } = await db.query<Row>({
    name: 'material_of_key',
    text: `select account, key_id, generation, material_id, token, created_at, rotation_type
      from key_material where account = $1 and key_id = $2 order by generation`,
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

/** Adds a generation; a unique violation means that another rotation was quicker. */
export async function insertMaterial(tx: Queryable, material: Material): Promise<void> {
  const { account, keyId, generation, materialId, token, createdAt, rotationType } = material;
  await tx.query({
    name: 'material_insert',
    text: `insert into key_material (account, key_id, generation, material_id, token, created_at, rotation_type)
      values ($1, $2, $3, $4, $5, $6, $7)`,
    values: [account, keyId, generation, materialId, Buffer.from(token), createdAt, rotationType],
  });
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
  };
}
