import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { auditClient } from '@keystead/audit';
import { serviceName } from '@keystead/pki';
import type { AuditRecord } from '@keystead/proto/audit';
import { tlsIdentity } from '@keystead/service';
import { sampleRecord } from '../echo/samples.js';
import type { Lab } from '../lab.js';
import { closedLoop } from '../load/closed-loop.js';
import { type Cell, interleave, type Measured } from '../load/interleave.js';
import { fsyncsPerSecond } from '../proc/fsync.js';
import { type Outcome, reach } from '../report/outcome.js';
import { figure } from '../report/table.js';
import { authorityOf, issueInto, trustDomain } from '../system/certificates.js';
import { addressOf } from '../system/keystead.js';

const wanted = [
  { callers: 64, atLeast: 3_000 },
  { callers: 256, atLeast: 8_000 },
] as const;

/** Durable appends to the journal by services that each wait for theirs. */
export async function audit(lab: Lab): Promise<Outcome> {
  const keystead = await lab.keystead();
  const uri = serviceName(trustDomain, 'bench');
  const tls = tlsIdentity(await issueInto(join(lab.folder, 'tls-bench'), authorityOf(keystead.data), uri));
  const client = auditClient({ address: addressOf(keystead, 'audit-service'), tls });
  await client.waitForReady(10_000);
  const next = records();
  const cells = wanted.map(({ callers }): Cell => {
    const run = (seconds: number) => closedLoop(callers, seconds, () => client.append(next()));
    const open = () => Promise.resolve({ run, close: () => undefined });
    return { name: `append ×${callers}`, roots: [keystead.pid], open };
  });
  const before = fsyncsPerSecond(lab.folder, Math.min(2, lab.seconds));
  const measured = await interleave(cells, lab);
  const after = fsyncsPerSecond(lab.folder, Math.min(2, lab.seconds));
  client.close();
  tls.close();
  return outcome(measured, { before, after });
}

function outcome(measured: readonly Measured[], fsyncs: { before: number; after: number }): Outcome {
  const perSecond = (fsyncs.before + fsyncs.after) / 2;
  const rows = wanted.map(({ callers }, n) => {
    const { perSecond: records, cpuMicros, p50, p99 } = measured[n] as Measured;
    return [`append, ${callers} callers`, ...[records, cpuMicros, p50, p99].map(figure), figure(records / perSecond)];
  });
  const columns = ['', 'records/s', 'CPU µs', 'p50 ms', 'p99 ms', 'records per fsync of the machine'];
  const note = `The machine writes an 8 KiB page durably ${figure(fsyncs.before)} times a second before and ${figure(fsyncs.after)} times after.`;
  return {
    tables: [{ title: 'Audit: durable records', columns, rows, notes: [note] }],
    reaches: wanted.map(({ callers, atLeast }, n) =>
      reach(`audit records/s, ${callers} callers`, (measured[n] as Measured).perSecond, { atLeast }),
    ),
    skipped: [],
    figures: { measured, fsyncsPerSecond: fsyncs },
  };
}

/** Records that differ in their ids alone: making them shall not be what is measured. */
function records(): () => AuditRecord {
  const sample = sampleRecord('Encrypt');
  const bytes = Buffer.from(sample.record);
  const at = bytes.indexOf(sample.eventId);
  return () => {
    const eventId = randomUUID();
    const record = Buffer.from(bytes);
    record.write(eventId, at, 'latin1');
    return { ...sample, eventId, record, eventTimeMs: BigInt(Date.now()) };
  };
}
