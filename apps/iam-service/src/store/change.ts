import { enqueue, type OutboxWorker } from '@keystead/audit';
import { transaction, type Pool } from '@keystead/db';
import type { AuditRecord } from '@keystead/proto/audit';
import type { LeaseHub } from '@keystead/service';
import { nextSequence } from './changes.js';
import { iamStore, type IamStore } from './iam-store.js';

/** What a change did: its answer, its record, and the cached facts that it voids. */
export interface Changed<T> {
  readonly answer: T;
  readonly record: AuditRecord | undefined;
}

/** Runs changes one at a time; see `applyChanges`. */
export type ApplyChange = <T>(
  account: string,
  work: (store: IamStore, touch: (...keys: string[]) => void) => Promise<Changed<T>>,
) => Promise<T>;

/**
 * Applies a change: its number, its rows and its audit record in one transaction. Resolves when no cache anywhere serves
 * what was before (at most a second after the commit). Throws Unavailable while the audit log is behind.
 */
export function applyChanges({ pool, hub, outbox }: { pool: Pool; hub: LeaseHub; outbox: OutboxWorker }): ApplyChange {
  return async (account, work) => {
    outbox.assertNotBehind();
    const { answer, sequence, keys } = await transaction(pool, async (tx) => {
      const sequence = await nextSequence(tx);
      const keys = new Set<string>();
      const touch = (...touched: string[]) => touched.forEach((key) => keys.add(key));
      const { answer, record } = await work(iamStore(tx, account), touch);
      if (record) await enqueue(tx, record);
      return { answer, sequence, keys: [...keys] };
    });
    outbox.poke();
    hub.changed(sequence, keys);
    if (keys.length > 0) await hub.acknowledged(sequence);
    return answer;
  };
}
