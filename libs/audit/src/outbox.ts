import { AuditRecord } from '@keystead/proto/audit';
import { noteOrigin } from './origins.js';
import type { Queryable } from './queryable.js';

/** Puts a record into the outbox, in the transaction of the change that it describes. Poke the worker after COMMIT. */
export async function enqueue(tx: Queryable, record: AuditRecord): Promise<void> {
  noteOrigin(record);
  await tx.query({
    name: 'audit_outbox_enqueue',
    text: 'insert into audit_outbox (record) values ($1)',
    values: [Buffer.from(AuditRecord.encode(record).finish())],
  });
}

/** A record that waits for delivery. */
export interface Waiting {
  readonly position: string;
  readonly record: AuditRecord;
}

/** The oldest records first, and how long the very oldest has waited (ms, by the database's clock). */
export async function waiting(db: Queryable, limit: number): Promise<{ rows: Waiting[]; oldestMs: number }> {
  const { rows } = await db.query({
    name: 'audit_outbox_waiting',
    text: `select position::text as position, record, (extract(epoch from now() - created_at) * 1000)::float8 as age
           from audit_outbox order by position limit $1`,
    values: [limit],
  });
  const found = rows as { position: string; record: Buffer; age: number }[];
  return {
    rows: found.map(({ position, record }) => ({ position, record: AuditRecord.decode(record) })),
    oldestMs: found[0]?.age ?? 0,
  };
}

/** Forgets delivered records. */
export async function forget(db: Queryable, positions: readonly string[]): Promise<void> {
  await db.query({
    name: 'audit_outbox_forget',
    text: 'delete from audit_outbox where position = any($1::bigint[])',
    values: [positions],
  });
}
