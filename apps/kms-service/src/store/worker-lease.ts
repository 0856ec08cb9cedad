import type { Queryable } from '@keystead/db';

/** Takes or renews the lease of a worker; false while another process holds it. By the clock of the database. */
export async function holdLease(db: Queryable, worker: string, holder: string, ms: number): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'worker_lease_hold',
    text: `insert into worker_lease as l (worker, holder, held_until) values ($1, $2, now() + $3 * interval '1 millisecond')
      on conflict (worker) do update set holder = excluded.holder, held_until = excluded.held_until
      where l.holder = excluded.holder or l.held_until < now()`,
    values: [worker, holder, ms],
  });
  return rowCount === 1;
}
