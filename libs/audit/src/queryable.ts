/** A pool, connection or transaction of @keystead/db, as far as the outbox needs it. */
export interface Queryable {
  query(query: { name: string; text: string; values: unknown[] }): Promise<{ rows: unknown[] }>;
}
