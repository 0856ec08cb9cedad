import { decodeFrontier, type Frontier } from '../domain/merkle.js';
import { type Queryable, rows } from './queryable.js';

/** The head of the tree, as its leader knows it. */
export interface Head {
  readonly epoch: bigint;
  readonly tree: Frontier;
  /** The newest leaf's time, milliseconds since 1970. */
  readonly appendedAtMs: number;
}

interface HeadRow {
  readonly epoch: string;
  readonly size: string;
  readonly frontier: Buffer;
  readonly appended_ms: number;
}

/**
 * Takes the lease if it is free, has run out, or is ours, and raises the epoch, so that whatever an earlier leader still
 * has under way can no longer commit. Undefined while another holds it.
 */
export async function acquire(db: Queryable, holder: string, leaseMs: number): Promise<Head | undefined> {
  const text = `with lease as (
      update audit_leader set holder = $1, epoch = epoch + 1, expires_at = now() + $2::float8 * interval '1 millisecond'
      where id = 1 and (holder = $1 or expires_at < now())
      returning epoch
    )
    update audit_tree set epoch = (select epoch from lease)
    where id = 1 and exists (select 1 from lease)
    returning epoch::text, size::text, frontier, (extract(epoch from appended_at) * 1000)::float8 as appended_ms`;
  const [row] = await rows<HeadRow>(db, 'audit_lead', text, [holder, leaseMs]);
  if (!row) return undefined;
  const tree = decodeFrontier(Number(row.size), row.frontier);
  return { epoch: BigInt(row.epoch), tree, appendedAtMs: Math.round(row.appended_ms) };
}

/** Prolongs the lease; false when it is another's by now. */
export async function renew(db: Queryable, holder: string, epoch: bigint, leaseMs: number): Promise<boolean> {
  const text = `update audit_leader set expires_at = now() + $3::float8 * interval '1 millisecond'
    where id = 1 and holder = $1 and epoch = $2 returning id`;
  return (await rows(db, 'audit_renew', text, [holder, epoch.toString(), leaseMs])).length === 1;
}

/** Gives the lease back, so that the next leader need not wait for its end. */
export async function release(db: Queryable, holder: string, epoch: bigint): Promise<void> {
  const text = 'update audit_leader set expires_at = now() where id = 1 and holder = $1 and epoch = $2';
  await rows(db, 'audit_release', text, [holder, epoch.toString()]);
}
