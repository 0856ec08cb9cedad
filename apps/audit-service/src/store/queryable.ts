/** A pool, connection or transaction of @keystead/db, as far as the queries need it. */
export interface Queryable {
  query(query: { name: string; text: string; values: unknown[] }): Promise<{ rows: unknown[] }>;
}

/** The rows of a query whose columns are known from its text. */
export async function rows<Row>(db: Queryable, name: string, text: string, values: unknown[]): Promise<Row[]> {
  const result = await db.query({ name, text, values });
  return result.rows as Row[];
}
