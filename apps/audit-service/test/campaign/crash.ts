import { setTimeout as sleep } from 'node:timers/promises';
import { auditClient, cloudTrailRecord } from '@keystead/audit';
import { tlsIdentity } from '@keystead/service';
import { verifyJournal } from '../../src/store/verify-journal.js';
import { contextOf, event } from '../records.js';
import type { Cluster } from './cluster.js';

export interface CrashResult {
  /** Records whose append was acknowledged. */
  readonly acknowledged: number;
  /** Acknowledged records that are not in the journal. */
  readonly lost: number;
  readonly failed: number;
  readonly leaves: number;
  readonly findings: readonly string[];
  /** The longest time from a kill to the next acknowledgement, in ms. */
  readonly longestOutageMs: number;
}

/** Appends by `callers` at once while each of `kills` happens, then compares what was acknowledged with what is there. */
export async function crashRun(
  cluster: Cluster,
  { callers, kills }: { callers: number; kills: readonly ('service' | 'postgres')[] },
): Promise<CrashResult> {
  const tls = tlsIdentity(await cluster.pki.dir('kms-service'));
  const client = auditClient({ address: cluster.address, tls });
  await client.waitForReady(10_000);
  const acknowledged: string[] = [];
  let failed = 0;
  let lastAcknowledged = 0;
  let going = true;
  const caller = async (): Promise<void> => {
    while (going) {
      const record = cloudTrailRecord(contextOf(), event());
      try {
        await client.append(record);
        acknowledged.push(record.eventId);
        lastAcknowledged = performance.now();
      } catch {
        failed += 1;
        await sleep(20);
      }
    }
  };
  const all = Promise.all(Array.from({ length: callers }, caller));
  let longestOutageMs = 0;
  for (const victim of kills) {
    await sleep(300 + Math.random() * 500);
    const killed = performance.now();
    await (victim === 'service' ? cluster.restartService() : cluster.restartPostgres());
    const restarted = performance.now();
    while (lastAcknowledged < restarted && performance.now() - restarted < 15_000) await sleep(10);
    longestOutageMs = Math.max(longestOutageMs, performance.now() - killed);
  }
  await sleep(300);
  going = false;
  await all;
  client.close();
  tls.close();
  const lost = await missing(cluster, acknowledged);
  const { size, findings } = await verifyJournal(cluster.pool);
  return { acknowledged: acknowledged.length, lost, failed, leaves: size, findings, longestOutageMs };
}

async function missing(cluster: Cluster, eventIds: readonly string[]): Promise<number> {
  const text = `select count(*)::int as n from unnest($1::uuid[]) as id where not exists (select 1 from audit_leaf where event_id = id)`;
  const { rows } = await cluster.pool.query<{ n: number }>(text, [eventIds]);
  return rows[0]?.n ?? -1;
}
