import type { Queryable } from '@keystead/db';

export type { Queryable } from '@keystead/db';

/** Runs one named statement and answers its rows; the caller knows their shape from the text beside it. */
export async function rows<Row>(db: Queryable, name: string, text: string, values: unknown[]): Promise<Row[]> {
  const result = await db.query({ name: `iam_${name}`, text, values });
  return result.rows as Row[];
}

/** The only row, or undefined. */
export async function first<Row>(
  db: Queryable,
  name: string,
  text: string,
  values: unknown[],
): Promise<Row | undefined> {
  const [row] = await rows<Row>(db, name, text, values);
  return row;
}
