import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from './campaign/cluster.js';
import { crashRun } from './campaign/crash.js';

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
