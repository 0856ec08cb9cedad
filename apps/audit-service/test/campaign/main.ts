// npm run campaign:audit [rounds]: kills audit-service and PostgreSQL under 64 callers, again and again, then checks that
// nothing acknowledged is lost and that the tree recomputes. kill -9 keeps the page cache: power loss is not tried.
import { startCluster } from './cluster.js';
import { say } from './say.js';
import { crashRun } from './crash.js';

const rounds = Number(process.argv[2] ?? 10);
let bad = 0;
await using cluster = await startCluster();
for (let round = 1; round <= rounds; round++) {
  const result = await crashRun(cluster, { callers: 64, kills: ['service', 'postgres', 'service', 'postgres'] });
  bad += result.lost + result.findings.length;
  const outage = `longest outage ${result.longestOutageMs.toFixed(0)} ms`;
  say(
    `round ${String(round)}: ${String(result.acknowledged)} acknowledged, ${String(result.lost)} lost, ` +
      `${String(result.failed)} refused, ${String(result.leaves)} leaves in the tree, ${outage}`,
  );
  for (const finding of result.findings) say(`  ${finding}`);
}
say(bad === 0 ? 'nothing lost, the tree recomputes' : `${String(bad)} findings`);
process.exitCode = bad === 0 ? 0 : 1;
