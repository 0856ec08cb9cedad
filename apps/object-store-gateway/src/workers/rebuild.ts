import type { Pool } from '@keystead/db';
import { transaction } from '@keystead/db';
import type { Backend } from '../backend/backend.js';
import { readRecord } from '../domain/record-seal.js';
import { addBucket } from '../store/buckets.js';
import { lockObject, replaceObject } from '../store/objects.js';
import { ANNOUNCE } from './sole.js';

/** What a rebuild found. */
export interface RebuildReport {
  /** Objects that were put into the index. */
  restored: number;
  /** Objects that the index had already, as new or newer. */
  known: number;
  /** Records that cannot be read: torn by a crash before they were acknowledged, or damaged. */
  unreadable: string[];
}

/**
 * Puts every object whose record lies in the backend back into the index. May run on a living system: an object that
 * the index has in a newer version stays. Buckets that are missing are made for `account`, with S3's default
 * encryption; uploads under way are lost.
 */
export async function rebuildIndex(pool: Pool, backend: Backend, account: string): Promise<RebuildReport> {
  const report: RebuildReport = { restored: 0, known: 0, unreadable: [] };
  for await (const { blob, record } of backend.records()) {
    const restored = await restore(pool, record.toString('utf8'), account);
    if (restored === undefined) report.unreadable.push(blob);
    else if (restored) report.restored++;
    else report.known++;
  }
  return report;
}

async function restore(pool: Pool, sealed: string, account: string): Promise<boolean | undefined> {
  const record = parsed(sealed);
  if (!record) return undefined;
  return transaction(pool, async (tx) => {
    await addBucket(tx, record.bucket, account, new Date(record.modified));
    const current = await lockObject(tx, record.bucket, record.key);
    if (current && current.modified >= record.modified) return false;
    await replaceObject(tx, sealed, record);
    await tx.query(ANNOUNCE);
    return true;
  });
}

function parsed(sealed: string) {
  try {
    return readRecord(sealed);
  } catch {
    return undefined;
  }
}
