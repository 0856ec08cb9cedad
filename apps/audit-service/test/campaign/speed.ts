// Records per second that become durable through audit-service, at 64 and 256 callers, and what they cost.
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditClient, cloudTrailRecord } from '@keystead/audit';
import { tlsIdentity } from '@keystead/service';
import { contextOf, event, keyArn } from '../records.js';
import { type Cluster, startCluster } from './cluster.js';
import { say } from './say.js';
import { cpuOf } from './processes.js';

const seconds = Number(process.argv[2] ?? 5);
const bundled = process.argv.includes('--bundled');
const callers = [1, 16, 64, 256];
/** Milliseconds that a caller does something else between two records, as in a whole request. */
const thinkMs = Number(process.argv.find((arg) => arg.startsWith('--think='))?.slice(8) ?? 0);

/** Records as a busy installation writes them: three operations, four users, ten keys. */
function recordOf(n: number) {
  const arn = keyArn(n % 10);
  const eventName = ['Encrypt', 'Decrypt', 'GenerateDataKey'][n % 3] ?? '';
  const context = contextOf(`user${String(n % 4)}`, {
    userAgent: 'aws-sdk-js/3.700.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.20.2 api/kms#3.700.0',
    tls: { version: 'TLSv1.3', cipherSuite: 'TLS_AES_128_GCM_SHA256', clientProvidedHostHeader: 'localhost:4566' },
  });
  return cloudTrailRecord(
    context,
    event({ eventName, resources: [{ arn, accountId: '000000000000', type: 'AWS::KMS::Key' }] }),
  );
}

function fsyncsPerSecond(): number {
  const file = `/tmp/keystead-fsync-${String(process.pid)}`;
  const handle = openSync(file, 'w');
  const block = Buffer.alloc(8192);
  let count = 0;
  for (const end = performance.now() + 1000; performance.now() < end; count++) {
    writeSync(handle, block, 0, block.length, (count % 64) * 8192);
    fsyncSync(handle);
  }
  closeSync(handle);
  rmSync(file);
  return count;
}

async function measure(cluster: Cluster, count: number): Promise<string> {
  const tls = tlsIdentity(await cluster.pki.dir('bench'));
  const client = auditClient({ address: cluster.address, tls });
  await client.waitForReady(5_000);
  const latencies: number[] = [];
  const cpu = () => ({
    service: cpuOf(cluster.servicePid),
    postgres: cpuOf(cluster.postgresPid),
    here: process.cpuUsage(),
  });
  const run = async (until: number): Promise<void> => {
    while (performance.now() < until) {
      const begun = performance.now();
      await client.append(recordOf(latencies.length));
      latencies.push(performance.now() - begun);
      if (thinkMs > 0) await sleep(thinkMs);
    }
  };
  const all = (ms: number) => Promise.all(Array.from({ length: count }, () => run(performance.now() + ms)));
  await all(1_000);
  latencies.length = 0;
  const [before, begun] = [cpu(), performance.now()];
  await all(seconds * 1_000);
  const elapsed = (performance.now() - begun) / 1_000;
  const after = cpu();
  const n = latencies.length;
  latencies.sort((a, b) => a - b);
  const per = (from: number, to: number): string => ((to - from) / n).toFixed(1).padStart(6);
  const own = process.cpuUsage(before.here);
  client.close();
  tls.close();
  return [
    `${String(count).padStart(4)} callers ${(n / elapsed).toFixed(0).padStart(6)} records/s`,
    `p50 ${(latencies[Math.floor(n / 2)] ?? 0).toFixed(1)} ms p99 ${(latencies[Math.floor(n * 0.99)] ?? 0).toFixed(1)} ms`,
    `CPU us/record: service ${per(before.service, after.service)} PostgreSQL ${per(before.postgres, after.postgres)} caller ${per(0, own.user + own.system)}`,
  ].join('  ');
}

await using cluster = await startCluster({ bundled });
say(`fsyncs/s of 8 KiB: ${String(fsyncsPerSecond())}`);
for (const count of callers) say(await measure(cluster, count));
