import { auditClient, cloudTrailRecord } from '@keystead/audit';
import { tlsIdentity } from '@keystead/service';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from './campaign/cluster.js';
import { signalAll } from './campaign/processes.js';
import { crashRun } from './campaign/crash.js';
import { contextOf, event } from './records.js';

// The short form of `npm run campaign:audit`: a PostgreSQL of its own that waits for its disk, because it is killed too.
let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster[Symbol.asyncDispose]());

test('nothing acknowledged is lost when the service and the whole PostgreSQL are killed under load', async () => {
  const result = await crashRun(cluster, { callers: 32, kills: ['service', 'postgres', 'service'] });
  expect(result).toMatchObject({ lost: 0, findings: [] });
  expect(result.leaves).toBeGreaterThanOrEqual(result.acknowledged);
  expect(result.acknowledged).toBeGreaterThan(100);
  expect(result.longestOutageMs).toBeLessThan(10_000);
}, 120_000);

test('a database that hangs is answered with Unavailable within two seconds, and forgotten when it is back', async () => {
  const tls = tlsIdentity(await cluster.pki.dir('kms-service'));
  const client = auditClient({ address: cluster.address, tls });
  const append = () => client.append(cloudTrailRecord(contextOf(), event()));
  await append();
  // Every backend stops answering, every connection stays open.
  signalAll(cluster.postgresPid, 'SIGSTOP');
  try {
    const begun = performance.now();
    const failures = await Promise.allSettled([append(), append(), append()]);
    expect(performance.now() - begun).toBeLessThan(2_500);
    for (const failure of failures) expect(failure).toMatchObject({ reason: { code: 'Unavailable' } });
  } finally {
    signalAll(cluster.postgresPid, 'SIGCONT');
  }
  const back = performance.now();
  while (!(await append().then(() => true, () => false)) && performance.now() - back < 10_000); // prettier-ignore
  expect(performance.now() - back).toBeLessThan(5_000);
  client.close();
  tls.close();
}, 30_000);
